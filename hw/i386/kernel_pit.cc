// See kernel_pit.h.
#include "hw/i386/kernel_pit.h"

#include "qapi/type_info.h"

namespace vmm {

namespace {

constexpr std::array<std::string_view, 2> kPolicies = {"delay", "discard"};
constexpr qapi::EnumInfo kInfo = {"LostTickPolicy", kPolicies};

}  // namespace

Status PropertyKind<LostTicks>::visit(qapi::Visitor& visitor, std::string_view name, LostTicks& value) {
    auto index = static_cast<size_t>(value);
    TRY(visitor.enumeration(name, index, kInfo));
    value = static_cast<LostTicks>(index);
    return {};
}

const qapi::EnumInfo* PropertyKind<LostTicks>::values() {
    return &kInfo;
}

}  // namespace vmm
