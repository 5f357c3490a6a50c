// Between direct_boot and its two loaders. `ram` is what of low RAM the loaders may use: above 1 MiB, below
// the ACPI tables.
#pragma once

#include "hw/i386/direct_boot.h"
#include "hw/i386/elf_image.h"

namespace vmm {

struct BootPlan {
    BootRange ram;
    E820Map e820;
    uint64_t rsdp = 0;  // 0: none
};

Result<BootState> load_linux(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest);
Result<BootState> load_multiboot(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest);
Result<BootState> load_pvh(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest);

// The command line and its final zero at its low-memory place.
Status write_command_line(const std::string& line, uint64_t longest, GuestWriter& guest);
// From the lowest to the highest byte of the segments.
BootRange extent(std::span<const ElfSegment> segments);
// Every segment must lie in one of these ranges of RAM; the first is the one that errors name.
Status load_segments(std::span<const ElfSegment> segments, std::span<const BootRange> room,
                     GuestWriter& guest);
// 32-bit flat protected mode at this entry, without paging and interrupts.
BootState flat_entry(uint32_t entry);
// Memory type write-back everywhere, MTRRs on: what firmware leaves behind for RAM.
std::vector<BootMsr> memory_type_msrs();

}  // namespace vmm
