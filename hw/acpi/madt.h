// MADT: processors, I/O APICs, interrupt overrides and NMIs (ACPI 6.4, 5.2.12). A processor whose APIC id or
// uid does not fit a byte gets an x2APIC entry. Called by the board. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/acpi/table.h"

namespace vmm::acpi {

struct MadtCpu {
    uint32_t uid;  // as the processor's _UID in the DSDT
    uint32_t apic_id;
    bool enabled = true;
};
struct MadtOverride {
    uint8_t irq;
    uint32_t gsi;
    bool level = false;  // level means active high here too: PCI links as the ICH9 drives them
};
struct MadtConfig {
    std::vector<MadtCpu> cpus;
    uint32_t lapic_address = 0xfee00000;
    bool has_ioapic = true;
    uint8_t ioapic_id = 0;
    uint32_t ioapic_address = 0xfec00000;
    bool has_pic = true;
    std::vector<MadtOverride> overrides;
};
// The overrides of a q35: the timer on pin 2, the lines that PCI links may use level triggered.
std::vector<MadtOverride> q35_overrides();

bool needs_x2apic_entry(const MadtCpu& cpu);
// One processor's entry, as its _MAT gives it.
std::vector<uint8_t> madt_entry(const MadtCpu& cpu);
Table build_madt(const MadtConfig& config, const TableIds& ids);

}  // namespace vmm::acpi
