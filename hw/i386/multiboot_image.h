// Reads a kernel with a Multiboot 1 header (GNU Multiboot Specification 0.6.96, 3.1): where its parts go and
// where it is entered. With the header's address fields they say so, else the file is a 32-bit ELF. The file
// is the user's: every offset is checked. Called by multiboot_boot and boot_files. Pure.
#pragma once

#include "hw/i386/elf_image.h"

namespace vmm {

struct MultibootImage {
    uint32_t entry = 0;                // physical
    std::vector<ElfSegment> segments;  // they do not overlap
};

// A header with a good checksum within the first 8 KiB.
bool looks_like_multiboot(std::span<const uint8_t> file);
Result<MultibootImage> parse_multiboot_image(std::span<const uint8_t> file);

}  // namespace vmm
