// DMAR: where the IOMMU is, what it can do, and under which id the I/O APIC sends. Called by the board. Pure.
// Spec: Intel Virtualization Technology for Directed I/O, 8.
#pragma once

#include <cstdint>

#include "hw/acpi/table.h"

namespace vmm::acpi {

struct DmarConfig {
    uint64_t base = 0xfed90000;
    unsigned address_bits = 39;
    bool remaps_interrupts = false;
    uint8_t ioapic_id = 0;
};
Table build_dmar(const DmarConfig& config, const TableIds& ids);

}  // namespace vmm::acpi
