// Between direct_boot and its two loaders. `ram` is what of low RAM the loaders may use: above 1 MiB, below
// the ACPI tables.
#pragma once

#include "hw/i386/direct_boot.h"

namespace vmm {

struct BootPlan {
    BootRange ram;
    E820Map e820;
    uint64_t rsdp = 0;  // 0: none
};

Result<BootState> load_linux(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest);
Result<BootState> load_pvh(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest);

// The command line and its final zero at its low-memory place.
Status write_command_line(const std::string& line, uint64_t longest, GuestWriter& guest);
// Memory type write-back everywhere, MTRRs on: what firmware leaves behind for RAM.
std::vector<BootMsr> memory_type_msrs();

}  // namespace vmm
