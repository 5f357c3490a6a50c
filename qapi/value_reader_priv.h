// ValueReader: what the two reading visitors share - the walk over dictionaries and lists, the path for
// messages, and the check that nothing was left unread. How a scalar is understood is up to the visitor.
#pragma once

#include <string>
#include <vector>

#include "qapi/type_info.h"
#include "qapi/visitor.h"

namespace vmm::qapi {

class ValueReader : public Visitor {
  public:
    // The value must outlive the reader.
    explicit ValueReader(const Value& root) : root_(root) {}

    Status begin_struct(std::string_view name) override;
    Status end_struct() override;
    Status begin_list(std::string_view name, size_t& size) override;
    void end_list() override;
    bool has(std::string_view name, bool present) override;
    Status any(std::string_view name, Value& value) override;
    bool reading() const override { return true; }

  protected:
    // Finds a member and counts it as read; an error when it is missing.
    Result<const Value*> take(std::string_view name);
    // "Parameter 'a.b[1]' expects <what>, not <value>".
    Error wrong(std::string_view name, const Value& value, const std::string& what) const;
    std::string path_to(std::string_view name) const;
    // Finds a member without counting it as read.
    Result<const Value*> peek(std::string_view name) const;
    // "a string or an object"
    static std::string kinds_text(std::span<const Value::Kind> kinds);
    // The list that the value is or stands for.
    virtual Result<const List*> as_list(std::string_view name, const Value& value) = 0;
    Status enum_from_text(std::string_view name, const Value& value, size_t& index,
                          const EnumInfo& info) const;

  private:
    struct Frame {
        std::string name;
        const Dict* dict = nullptr;  // a struct when set, else a list
        const List* list = nullptr;
        size_t next = 0;  // element
        std::vector<std::string_view> asked;
    };
    Error unexpected_member(const Frame& frame, std::string_view key) const;

    const Value& root_;
    std::vector<Frame> frames_;
};

}  // namespace vmm::qapi
