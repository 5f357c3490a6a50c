// FunctionConfig: what users can say of every PCI device (-device X,addr=,multifunction=...); configs of PCI
// devices derive from it and put function_props<Config>() in front of their own rows. Data only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "hw/pci/address.h"
#include "qom/property.h"

namespace vmm {

// "1f.2" or "1f" on the command line; in JSON also the number device * 8 + function.
template <>
struct PropertyKind<pci::DevFn> {
    static constexpr std::string_view kName = "str";
    static Status visit(qapi::Visitor& visitor, std::string_view name, pci::DevFn& value);
    static const qapi::EnumInfo* values() { return nullptr; }
};

namespace pci {

struct FunctionConfig {
    std::optional<DevFn> addr;  // absent: the first free slot
    bool multifunction = false;
    std::optional<uint32_t> rombar;  // absent: 1
    std::string romfile;
    std::optional<uint32_t> romsize;
    std::optional<uint32_t> acpi_index;
};

template <typename C>
constexpr std::array<Property, 6> function_props() {
    return {prop<C, &FunctionConfig::addr>("addr", "slot and optional function, such as 06.0 or 06"),
            prop<C, &FunctionConfig::multifunction>("multifunction", "other functions share its slot"),
            prop<C, &FunctionConfig::romfile>("romfile", "a file with its expansion ROM"),
            prop<C, &FunctionConfig::rombar>("rombar", "1: the expansion ROM has a BAR, 0: it has none"),
            prop<C, &FunctionConfig::romsize>("romsize", "size of the expansion ROM's BAR, a power of two"),
            prop<C, &FunctionConfig::acpi_index>("acpi-index", "the number by which the OS names it")};
}

}  // namespace pci
}  // namespace vmm
