// Reads an ELF executable with a PVH entry note (Xen's PVH boot ABI: note type 18, name "Xen"). The file is
// the user's: every offset is checked. 32- and 64-bit little-endian x86 files. Called by pvh_boot. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "util/result.h"

namespace vmm {

struct ElfSegment {
    uint64_t address = 0;  // physical
    uint64_t memory_size = 0;
    std::span<const uint8_t> bytes;  // within the file; at most memory_size
};
struct PvhImage {
    uint32_t entry = 0;                // physical, 32-bit protected mode
    std::vector<ElfSegment> segments;  // not empty ones, in file order; they do not overlap
};

bool looks_like_elf(std::span<const uint8_t> file);
Result<PvhImage> parse_pvh_image(std::span<const uint8_t> file);

}  // namespace vmm
