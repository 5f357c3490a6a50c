// FADT (revision 3, 244 bytes) and FACS for a machine with ACPI fixed hardware in I/O ports, as the ICH9 has
// it (ACPI 6.4, 5.2.9 and 5.2.10; offsets within the PM block from the ICH9 datasheet, 13.8.3). Called by
// the board. Pure.
#pragma once

#include <cstdint>

#include "hw/acpi/table.h"

namespace vmm::acpi {

// What ACPI software writes to the SMI command port to get and give back the SCI, and the sleep type of S5.
inline constexpr uint8_t kAcpiEnableCommand = 2;
inline constexpr uint8_t kAcpiDisableCommand = 3;
inline constexpr uint8_t kSoftOffSleepType = 0;

struct FadtConfig {
    uint32_t facs_offset = 0;  // within the tables blob
    uint32_t dsdt_offset = 0;
    uint16_t pm_base = 0x600;  // PM1a events at +0, control at +4, timer at +8, GPE0 at +0x20
    uint8_t gpe0_length = 16;
    uint16_t sci_gsi = 9;
    // 0: the machine is always in ACPI mode (there is no SMM to hand over); then SCI_EN reads as 1.
    uint16_t smi_command_port = 0;
    uint8_t century_index = 0x32;  // CMOS byte
    bool has_i8042 = true;
    bool has_vga = false;
    bool can_sleep_s4 = false;
    uint32_t highest_apic_id = 0;  // above 7, flat logical destinations do not work
};

Table build_fadt(const FadtConfig& config, const TableIds& ids);
Table build_facs();
inline constexpr uint32_t kFacsAlignment = 64;

}  // namespace vmm::acpi
