// Asks the host kernel which pages of a file or a mapping are there. For gmem.cc and ram_block.cc.
#pragma once

#include <cstdint>
#include <optional>

namespace vmm {

// Bytes of the file range held in the page cache (which is where shared memory and guest_memfds live); empty
// when the kernel lacks cachestat(2).
std::optional<uint64_t> resident_in_file(int fd, uint64_t offset, uint64_t size);
// Bytes of the page-aligned mapping range that are in memory, by mincore(2).
std::optional<uint64_t> resident_in_mapping(uint8_t* at, uint64_t size);

}  // namespace vmm
