// Reads an ELF executable with a PVH entry note (Xen's PVH boot ABI: note type 18, name "Xen"). The file is
// the user's: every offset is checked. 32- and 64-bit little-endian x86 files. Called by pvh_boot. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hw/i386/elf_image.h"
#include "util/result.h"

namespace vmm {

struct PvhImage {
    uint32_t entry = 0;                // physical, 32-bit protected mode
    std::vector<ElfSegment> segments;  // not empty ones, in file order; they do not overlap
};

Result<PvhImage> parse_pvh_image(std::span<const uint8_t> file);

}  // namespace vmm
