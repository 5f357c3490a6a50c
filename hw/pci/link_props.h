// How users write the speed and width of a link: x-speed=16, x-width=4 (PCIELinkSpeed and PCIELinkWidth of
// the schema). Data only.
#pragma once

#include "hw/pci/express_cap.h"
#include "qapi/type_info.h"
#include "qom/property.h"

namespace vmm {

namespace pci {
// Lanes.
enum class LinkWidth : uint8_t { X1 = 1, X2 = 2, X4 = 4, X8 = 8, X12 = 12, X16 = 16, X32 = 32 };
}  // namespace pci

template <>
struct PropertyKind<pci::LinkSpeed> {
    static constexpr std::string_view kName = "PCIELinkSpeed";
    static Status visit(qapi::Visitor& visitor, std::string_view name, pci::LinkSpeed& value);
    static const qapi::EnumInfo* values();
};

template <>
struct PropertyKind<pci::LinkWidth> {
    static constexpr std::string_view kName = "PCIELinkWidth";
    static Status visit(qapi::Visitor& visitor, std::string_view name, pci::LinkWidth& value);
    static const qapi::EnumInfo* values();
};

}  // namespace vmm
