// Visitor: the typed walk between a generated C++ type and values. Generated code (types_*.cc) calls it
// member by member; the implementations read JSON strictly (input_visitor), read strings of the command line
// (keyval_visitor) or make values (output_visitor). A name is the member's; it is empty for the root and for
// list elements. Every error is one line with the parameter's path, its value and what would be right. Not
// thread-safe; one walk has one visitor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "qapi/value.h"
#include "util/result.h"

namespace vmm::qapi {

struct EnumInfo;

class Visitor {
  public:
    virtual ~Visitor() = default;

    // begin_struct ... end_struct enclose the members; when reading, end_struct refuses members nobody asked
    // for.
    virtual Status begin_struct(std::string_view name) = 0;
    virtual Status end_struct() = 0;
    // When reading, size is set to the number of elements; when writing, it is given.
    virtual Status begin_list(std::string_view name, size_t& size) = 0;
    virtual void end_list() = 0;
    // Whether an optional member is there; when writing it repeats `present`.
    virtual bool has(std::string_view name, bool present) = 0;

    virtual Status boolean(std::string_view name, bool& value) = 0;
    virtual Status integer(std::string_view name, int64_t& value, int64_t min, int64_t max) = 0;
    virtual Status unsigned_integer(std::string_view name, uint64_t& value, uint64_t max) = 0;
    // An unsigned integer of bytes; text may carry a suffix.
    virtual Status size(std::string_view name, uint64_t& value) = 0;
    virtual Status number(std::string_view name, double& value) = 0;
    virtual Status text(std::string_view name, std::string& value) = 0;
    virtual Status null(std::string_view name) = 0;
    virtual Status any(std::string_view name, Value& value) = 0;
    // The index into the enumeration's values.
    virtual Status enumeration(std::string_view name, size_t& index, const EnumInfo& info) = 0;
    // Which of the kinds that an alternate offers is there (in the order offered); only called when reading.
    virtual Result<Value::Kind> alternate(std::string_view name, std::span<const Value::Kind> offered) = 0;
    virtual bool reading() const = 0;
};

// The scalars of the schema by their C++ type; "size" has a function of its own, as it shares uint64_t.
Status visit(Visitor& visitor, std::string_view name, bool& value);
Status visit(Visitor& visitor, std::string_view name, int8_t& value);
Status visit(Visitor& visitor, std::string_view name, int16_t& value);
Status visit(Visitor& visitor, std::string_view name, int32_t& value);
Status visit(Visitor& visitor, std::string_view name, int64_t& value);
Status visit(Visitor& visitor, std::string_view name, uint8_t& value);
Status visit(Visitor& visitor, std::string_view name, uint16_t& value);
Status visit(Visitor& visitor, std::string_view name, uint32_t& value);
Status visit(Visitor& visitor, std::string_view name, uint64_t& value);
Status visit(Visitor& visitor, std::string_view name, double& value);
Status visit(Visitor& visitor, std::string_view name, std::string& value);
Status visit(Visitor& visitor, std::string_view name, Value& value);
Status visit(Visitor& visitor, std::string_view name, std::nullptr_t& value);
Status visit_size(Visitor& visitor, std::string_view name, uint64_t& value);

// A list, each element by `each(visitor, "", element)`.
template <typename T, typename F>
Status visit_list(Visitor& visitor, std::string_view name, std::vector<T>& list, F each) {
    size_t size = list.size();
    TRY(visitor.begin_list(name, size));
    list.resize(size);
    for (T& element : list)
        TRY(each(visitor, std::string_view(), element));
    visitor.end_list();
    return {};
}

}  // namespace vmm::qapi
