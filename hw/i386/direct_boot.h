// Boot without firmware: loads a bzImage (64-bit entry), a multiboot kernel or an ELF with a PVH note into
// guest RAM, with
// initrd, command line, device tree, ACPI and SMBIOS tables, and says what the boot processor's registers
// must be. Called by the board at start and again at each reset. Writes through GuestWriter only.
//
// What firmware would have done to the chipset is the board's: ECAM on, PM base and SCI on, PIRQ routes,
// shadow RAM readable. A Multiboot kernel also finds interrupt controllers and timer as firmware leaves them
// (firmware_code.h); the others set them up themselves.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hw/acpi/table_set.h"
#include "hw/i386/e820.h"
#include "hw/i386/guest_writer.h"
#include "hw/smbios/tables.h"
#include "target/i386/cpu/boot_state.h"
#include "util/result.h"

namespace vmm {

// A file that a multiboot kernel is given, and the words that go with it.
struct BootModule {
    std::span<const uint8_t> bytes;
    std::string text;
};

struct DirectBoot {
    std::span<const uint8_t> kernel;  // whole files; borrowed for the call
    std::span<const uint8_t> initrd;
    std::span<const uint8_t> dtb;
    std::vector<BootModule> modules;  // of a multiboot kernel, instead of the initrd
    std::string command_line;
    BootMemory memory;
    const acpi::AcpiImage* acpi = nullptr;
    const smbios::Image* smbios = nullptr;
};

Result<BootState> load_direct(const DirectBoot& boot, GuestWriter& guest);

// Where its ACPI tables (null: none) lie: at the end of low RAM.
BootRange acpi_range(const BootMemory& memory, const acpi::AcpiImage* acpi);

// What firmware does when the machine wakes from S3: real mode at the waking vector of the FACS. ACPI 6.4,
// 5.2.10 and 16.3.3.
BootState resume_at(uint32_t vector);

}  // namespace vmm
