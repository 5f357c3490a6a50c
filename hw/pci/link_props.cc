// Spellings of link speeds and widths.
#include "hw/pci/link_props.h"

#include <algorithm>
#include <array>

namespace vmm {

namespace {

constexpr std::array<std::string_view, 4> kSpeeds = {"2_5", "5", "8", "16"};
constexpr qapi::EnumInfo kSpeedInfo = {"PCIELinkSpeed", kSpeeds};
constexpr std::array<std::string_view, 7> kWidths = {"1", "2", "4", "8", "12", "16", "32"};
constexpr std::array<pci::LinkWidth, 7> kWidthValues = {
    pci::LinkWidth::X1,  pci::LinkWidth::X2,  pci::LinkWidth::X4, pci::LinkWidth::X8,
    pci::LinkWidth::X12, pci::LinkWidth::X16, pci::LinkWidth::X32};
constexpr qapi::EnumInfo kWidthInfo = {"PCIELinkWidth", kWidths};

}  // namespace

Status PropertyKind<pci::LinkSpeed>::visit(qapi::Visitor& visitor, std::string_view name,
                                           pci::LinkSpeed& value) {
    size_t index = static_cast<size_t>(value) - 1;
    TRY(visitor.enumeration(name, index, kSpeedInfo));
    value = static_cast<pci::LinkSpeed>(index + 1);
    return {};
}

const qapi::EnumInfo* PropertyKind<pci::LinkSpeed>::values() {
    return &kSpeedInfo;
}

Status PropertyKind<pci::LinkWidth>::visit(qapi::Visitor& visitor, std::string_view name,
                                           pci::LinkWidth& value) {
    auto index = static_cast<size_t>(std::find(kWidthValues.begin(), kWidthValues.end(), value) -
                                     kWidthValues.begin());
    TRY(visitor.enumeration(name, index, kWidthInfo));
    value = kWidthValues[index];
    return {};
}

const qapi::EnumInfo* PropertyKind<pci::LinkWidth>::values() {
    return &kWidthInfo;
}

}  // namespace vmm
