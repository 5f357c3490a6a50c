// Reads what a loader needs of an ELF executable: segments by physical address, entry, notes. The file is the
// user's: every offset is checked. 32- and 64-bit little-endian x86 files. Used by pvh_image and
// multiboot_image. Pure.
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
struct ElfNotes {
    std::span<const uint8_t> bytes;
    uint64_t alignment = 4;
};
struct ElfImage {
    bool wide = false;  // ELF64
    uint64_t entry = 0;
    std::vector<ElfSegment> segments;  // not empty ones, in file order; they do not overlap
    std::vector<ElfNotes> notes;
};

bool looks_like_elf(std::span<const uint8_t> file);
Result<ElfImage> parse_elf_image(std::span<const uint8_t> file);

}  // namespace vmm
