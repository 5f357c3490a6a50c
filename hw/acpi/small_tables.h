// The tables of one thought each: HPET, MCFG (PCIe configuration space) and WAET (what emulated devices do
// not need). Called by the board. Pure. Specs: IA-PC HPET 1.0a, 3.2.4; PCI Firmware 3.2, 4.1.2; the WAET
// specification.
#pragma once

#include <cstdint>

#include "hw/acpi/table.h"

namespace vmm::acpi {

struct HpetConfig {
    uint64_t base = 0xfed00000;
    // The low half of the capability register: vendor 8086, legacy capable, 64-bit, three timers.
    uint32_t event_timer_block_id = 0x8086a201;
};
Table build_hpet(const HpetConfig& config, const TableIds& ids);

struct McfgConfig {
    uint64_t base = 0xb0000000;
    uint8_t first_bus = 0;
    uint8_t last_bus = 255;
};
Table build_mcfg(const McfgConfig& config, const TableIds& ids);

// Says that the PM timer needs one read only.
Table build_waet(const TableIds& ids);

}  // namespace vmm::acpi
