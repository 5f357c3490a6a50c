// Value: the one variant type of the house - null, bool, integers, double, string, list, dict. It is what
// JSON and keyval text become before a visitor gives it a type, and what replies are made of. A Dict keeps
// insertion order. Plain data, copied deeply; not shared between threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vmm::qapi {

class Value;
using List = std::vector<Value>;

class Dict {
  public:
    struct Entry;

    Dict();
    Dict(std::initializer_list<Entry> entries);
    Dict(const Dict&);
    Dict(Dict&&) noexcept;
    Dict& operator=(const Dict&);
    Dict& operator=(Dict&&) noexcept;
    ~Dict();

    bool empty() const;
    size_t size() const;
    // Null when the key is absent. The pointer lives until the next change.
    const Value* find(std::string_view key) const;
    Value* find(std::string_view key);
    bool contains(std::string_view key) const { return find(key) != nullptr; }
    // Replaces the value of a present key in its place, else appends.
    Value& set(std::string_view key, Value value);
    // Appends without looking for the key, which the caller knows to be absent.
    Value& append(std::string key, Value value);
    bool erase(std::string_view key);

    const Entry* begin() const;
    const Entry* end() const;
    Entry* begin();
    Entry* end();
    friend bool operator==(const Dict&, const Dict&);  // order does not matter

  private:
    std::vector<Entry> entries_;
};

class Value {
  public:
    // Uint only holds what does not fit int64, so equal numbers are of equal kind.
    enum class Kind { Null, Bool, Int, Uint, Double, String, Array, Object };

    Value() = default;
    Value(std::nullptr_t) {}
    Value(bool value) : data_(value) {}
    Value(int value) : data_(static_cast<int64_t>(value)) {}
    Value(unsigned value) : data_(static_cast<int64_t>(value)) {}
    Value(int64_t value) : data_(value) {}
    Value(uint64_t value);
    Value(double value) : data_(value) {}
    Value(const char* value) : data_(std::string(value)) {}
    Value(std::string_view value) : data_(std::string(value)) {}
    Value(std::string value) : data_(std::move(value)) {}
    Value(List value) : data_(std::move(value)) {}
    Value(Dict value) : data_(std::move(value)) {}

    Kind kind() const { return static_cast<Kind>(data_.index()); }
    bool null() const { return kind() == Kind::Null; }
    // Null pointers and empty optionals when the value is of another kind or the number does not fit.
    const bool* if_bool() const { return std::get_if<bool>(&data_); }
    const std::string* if_string() const { return std::get_if<std::string>(&data_); }
    const List* if_list() const { return std::get_if<List>(&data_); }
    List* if_list() { return std::get_if<List>(&data_); }
    const Dict* if_dict() const { return std::get_if<Dict>(&data_); }
    Dict* if_dict() { return std::get_if<Dict>(&data_); }
    std::optional<int64_t> as_i64() const;
    std::optional<uint64_t> as_u64() const;
    std::optional<double> as_double() const;  // any number

    friend bool operator==(const Value&, const Value&) = default;

  private:
    std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, List, Dict> data_;
};

struct Dict::Entry {
    std::string key;
    Value value;
};

// "null", "a boolean", "an integer", ... for messages.
std::string_view kind_text(Value::Kind kind);
// The value as JSON, cut to a length fit for a message; strings in single quotes.
std::string brief(const Value& value);

}  // namespace vmm::qapi
