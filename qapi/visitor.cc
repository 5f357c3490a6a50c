// The scalars of the schema; see visitor.h.
#include "qapi/visitor.h"

#include <limits>

namespace vmm::qapi {
namespace {

template <typename T>
Status visit_signed(Visitor& visitor, std::string_view name, T& value) {
    int64_t wide = value;
    TRY(visitor.integer(name, wide, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    value = static_cast<T>(wide);
    return {};
}

template <typename T>
Status visit_unsigned(Visitor& visitor, std::string_view name, T& value) {
    uint64_t wide = value;
    TRY(visitor.unsigned_integer(name, wide, std::numeric_limits<T>::max()));
    value = static_cast<T>(wide);
    return {};
}

}  // namespace

Status visit(Visitor& visitor, std::string_view name, bool& value) {
    return visitor.boolean(name, value);
}
Status visit(Visitor& visitor, std::string_view name, int8_t& value) {
    return visit_signed(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, int16_t& value) {
    return visit_signed(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, int32_t& value) {
    return visit_signed(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, int64_t& value) {
    return visit_signed(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, uint8_t& value) {
    return visit_unsigned(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, uint16_t& value) {
    return visit_unsigned(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, uint32_t& value) {
    return visit_unsigned(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, uint64_t& value) {
    return visit_unsigned(visitor, name, value);
}
Status visit(Visitor& visitor, std::string_view name, double& value) {
    return visitor.number(name, value);
}
Status visit(Visitor& visitor, std::string_view name, std::string& value) {
    return visitor.text(name, value);
}
Status visit(Visitor& visitor, std::string_view name, Value& value) {
    return visitor.any(name, value);
}
Status visit(Visitor& visitor, std::string_view name, std::nullptr_t&) {
    return visitor.null(name);
}
Status visit_size(Visitor& visitor, std::string_view name, uint64_t& value) {
    return visitor.size(name, value);
}

}  // namespace vmm::qapi
