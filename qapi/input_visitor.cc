// Strict reading; see input_visitor.h.
#include "qapi/input_visitor.h"

#include <algorithm>

#include "util/text.h"

namespace vmm::qapi {

Status InputVisitor::boolean(std::string_view name, bool& value) {
    const Value* given = TRY(take(name));
    if (given->if_bool() == nullptr) return wrong(name, *given, "true or false");
    value = *given->if_bool();
    return {};
}

Status InputVisitor::integer(std::string_view name, int64_t& value, int64_t min, int64_t max) {
    const Value* given = TRY(take(name));
    auto number = given->as_i64();
    if (!number || *number < min || *number > max)
        return wrong(
            name, *given,
            strf("an integer from %lld to %lld", static_cast<long long>(min), static_cast<long long>(max)));
    value = *number;
    return {};
}

Status InputVisitor::unsigned_integer(std::string_view name, uint64_t& value, uint64_t max) {
    const Value* given = TRY(take(name));
    auto number = given->as_u64();
    if (!number || *number > max)
        return wrong(name, *given, strf("an integer from 0 to %llu", static_cast<unsigned long long>(max)));
    value = *number;
    return {};
}

Status InputVisitor::size(std::string_view name, uint64_t& value) {
    return unsigned_integer(name, value, UINT64_MAX);
}

Status InputVisitor::number(std::string_view name, double& value) {
    const Value* given = TRY(take(name));
    auto number = given->as_double();
    if (!number) return wrong(name, *given, "a number");
    value = *number;
    return {};
}

Status InputVisitor::text(std::string_view name, std::string& value) {
    const Value* given = TRY(take(name));
    if (given->if_string() == nullptr) return wrong(name, *given, "a string");
    value = *given->if_string();
    return {};
}

Status InputVisitor::null(std::string_view name) {
    const Value* given = TRY(take(name));
    if (!given->null()) return wrong(name, *given, "null");
    return {};
}

Status InputVisitor::enumeration(std::string_view name, size_t& index, const EnumInfo& info) {
    const Value* given = TRY(take(name));
    return enum_from_text(name, *given, index, info);
}

// Looks without taking: the branch that is chosen takes the value.
Result<Value::Kind> InputVisitor::alternate(std::string_view name, std::span<const Value::Kind> offered) {
    const Value* given = TRY(peek(name));
    Value::Kind kind = given->kind() == Value::Kind::Uint ? Value::Kind::Int : given->kind();
    if (std::find(offered.begin(), offered.end(), kind) != offered.end()) return kind;
    if (kind == Value::Kind::Int &&
        std::find(offered.begin(), offered.end(), Value::Kind::Double) != offered.end())
        return Value::Kind::Double;
    return wrong(name, *given, kinds_text(offered));
}

Result<const List*> InputVisitor::as_list(std::string_view name, const Value& value) {
    if (value.if_list() == nullptr) return wrong(name, value, "a list");
    return value.if_list();
}

}  // namespace vmm::qapi
