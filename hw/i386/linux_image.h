// Reads the header of a Linux bzImage (kernel documentation, x86 boot protocol; protocol 2.06 and later). The
// file is the user's: everything is checked against its size before use. Called by linux_boot and
// fw_cfg_x86. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "util/result.h"

namespace vmm {

struct LinuxImage {
    uint16_t protocol = 0;    // 0x020f is 2.15
    uint32_t setup_size = 0;  // real-mode part with the boot sector; the kernel follows
    uint32_t header_end = 0;  // offset of the first byte after the setup header
    uint64_t preferred_address = 0x100000;
    uint64_t memory_needed = 0;  // from the load address, until it has found out about memory
    uint64_t alignment = 0;
    bool relocatable = false;
    bool entry_64 = false;                     // may be entered in long mode at +0x200
    bool above_4g = false;                     // initrd, command line and zero page may be above 4 GiB
    uint32_t max_command_line = 255;           // without the final zero
    uint64_t max_initrd_address = 0x37ffffff;  // of the last byte
};

// Whether it claims to be one (both magic numbers are there).
bool looks_like_linux(std::span<const uint8_t> file);
Result<LinuxImage> parse_linux_image(std::span<const uint8_t> file);

}  // namespace vmm
