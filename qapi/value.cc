// Values and ordered dictionaries; see value.h.
#include "qapi/value.h"

#include <algorithm>

#include "qapi/json_writer.h"

namespace vmm::qapi {

Dict::Dict() = default;
Dict::Dict(std::initializer_list<Entry> entries) : entries_(entries) {}
Dict::Dict(const Dict&) = default;
Dict::Dict(Dict&&) noexcept = default;
Dict& Dict::operator=(const Dict&) = default;
Dict& Dict::operator=(Dict&&) noexcept = default;
Dict::~Dict() = default;

bool Dict::empty() const {
    return entries_.empty();
}
size_t Dict::size() const {
    return entries_.size();
}
const Dict::Entry* Dict::begin() const {
    return entries_.data();
}
const Dict::Entry* Dict::end() const {
    return entries_.data() + entries_.size();
}
Dict::Entry* Dict::begin() {
    return entries_.data();
}
Dict::Entry* Dict::end() {
    return entries_.data() + entries_.size();
}

const Value* Dict::find(std::string_view key) const {
    for (const Entry& entry : entries_)
        if (entry.key == key) return &entry.value;
    return nullptr;
}

Value* Dict::find(std::string_view key) {
    return const_cast<Value*>(std::as_const(*this).find(key));
}

Value& Dict::set(std::string_view key, Value value) {
    if (Value* present = find(key)) return *present = std::move(value);
    return append(std::string(key), std::move(value));
}

Value& Dict::append(std::string key, Value value) {
    entries_.push_back({std::move(key), std::move(value)});
    return entries_.back().value;
}

bool Dict::erase(std::string_view key) {
    auto at = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
    if (at == entries_.end()) return false;
    entries_.erase(at);
    return true;
}

bool operator==(const Dict& a, const Dict& b) {
    if (a.size() != b.size()) return false;
    return std::all_of(a.begin(), a.end(), [&](const Dict::Entry& entry) {
        const Value* other = b.find(entry.key);
        return other != nullptr && *other == entry.value;
    });
}

Value::Value(uint64_t value) {
    if (value <= INT64_MAX)
        data_ = static_cast<int64_t>(value);
    else
        data_ = value;
}

std::optional<int64_t> Value::as_i64() const {
    if (const int64_t* value = std::get_if<int64_t>(&data_)) return *value;
    return {};
}

std::optional<uint64_t> Value::as_u64() const {
    if (const uint64_t* value = std::get_if<uint64_t>(&data_)) return *value;
    if (const int64_t* value = std::get_if<int64_t>(&data_); value != nullptr && *value >= 0)
        return static_cast<uint64_t>(*value);
    return {};
}

std::optional<double> Value::as_double() const {
    if (const double* value = std::get_if<double>(&data_)) return *value;
    if (const int64_t* value = std::get_if<int64_t>(&data_)) return static_cast<double>(*value);
    if (const uint64_t* value = std::get_if<uint64_t>(&data_)) return static_cast<double>(*value);
    return {};
}

std::string_view kind_text(Value::Kind kind) {
    switch (kind) {
        case Value::Kind::Null:
            return "null";
        case Value::Kind::Bool:
            return "a boolean";
        case Value::Kind::Int:
        case Value::Kind::Uint:
            return "an integer";
        case Value::Kind::Double:
            return "a number";
        case Value::Kind::String:
            return "a string";
        case Value::Kind::Array:
            return "a list";
        case Value::Kind::Object:
            return "an object";
    }
    return "a value";
}

std::string brief(const Value& value) {
    constexpr size_t kLongest = 60;
    std::string text;
    if (const std::string* string = value.if_string()) {
        // Through the JSON writer, so that control characters cannot break the one line of a message.
        std::string quoted = to_json(std::string_view(*string).substr(0, kLongest + 4));
        text = "'" + quoted.substr(1, quoted.size() - 2) + "'";
    } else {
        text = to_json(value);
    }
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
    return text;
}

}  // namespace vmm::qapi
