// Q35Host (q35-pcihost): the properties of the host bridge that users set with -global. The bridge's
// registers are the hub's, hw/i386/mch.h; the windows that its addresses make are laid out in
// hw/i386/q35_map.h. FlashDefaults (cfi.pflash01) are those of the flash chips, hw/nvram/pflash_cfi.h.
#pragma once

#include <array>

#include "hw/core/device_type.h"
#include "util/align.h"

namespace vmm {

struct Q35Host {
    struct Config {
        Size pci_hole64_size = 32 * kGiB;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::pci_hole64_size>("pci-hole64-size", "of the PCI window above RAM; 0: none")};
    static constexpr DeviceInfo kInfo = {.name = "q35-pcihost",
                                         .parent = "pcie-host-bridge",
                                         .bus = "System",
                                         .description = "the host bridge's windows",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false,
                                         .user_creatable = false};
};

struct FlashDefaults {
    struct Config {
        bool secure = false;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::secure>("secure", "only system management mode may write; off only")};
    static constexpr DeviceInfo kInfo = {.name = "cfi.pflash01",
                                         .parent = "sys-bus-device",
                                         .bus = "System",
                                         .description = "flash with firmware",
                                         .category = DeviceCategory::Storage,
                                         .hotpluggable = false,
                                         .user_creatable = false};
};

}  // namespace vmm
