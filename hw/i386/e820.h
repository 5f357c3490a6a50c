// The memory map that firmware and kernels are told (BIOS call E820; ACPI 6.4, chapter 15). Called by
// fw_cfg_x86 and direct_boot. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace vmm {

enum class E820Type : uint32_t { Ram = 1, Reserved = 2, Acpi = 3, AcpiNvs = 4 };

struct E820Entry {
    uint64_t base;
    uint64_t size;
    E820Type type;
    bool operator==(const E820Entry&) const = default;
};
using E820Map = std::vector<E820Entry>;

struct BootRange {
    uint64_t base = 0;
    uint64_t size = 0;
    uint64_t end() const { return base + size; }
};

// Where RAM is, and which addresses belong to somebody else.
struct BootMemory {
    uint64_t ram_below = 0;  // bytes from 0
    uint64_t ram_above = 0;  // bytes from 4 GiB
    BootRange ecam = {0xb0000000, 0x10000000};
    std::vector<BootRange> reserved;  // pages the accelerator uses, by address
};

// For firmware: RAM as it is wired, before any of it is taken; the ECAM is the firmware's to reserve.
E820Map firmware_e820(const BootMemory& memory);
// For a kernel without firmware: the BIOS areas below 1 MiB kept, `acpi` cut out of RAM (size 0: none).
E820Map direct_e820(const BootMemory& memory, BootRange acpi);

// Packed 20-byte entries, as fw_cfg's etc/e820 and the zero page have them.
std::vector<uint8_t> e820_bytes(const E820Map& map);

}  // namespace vmm
