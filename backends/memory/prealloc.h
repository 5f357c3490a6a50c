// Preallocation with several threads: a mapping is populated (MADV_POPULATE_WRITE), a guest_memfd is filled
// by fallocate. The threads take the backend's NUMA policy first, so that it reaches memory that cannot be
// mapped as well.
#pragma once

#include <cstdint>
#include <span>

#include "backends/memory/numa_policy.h"
#include "util/result.h"

namespace vmm {

struct PreallocPlan {
    unsigned threads = 1;
    uint64_t page_size = 4096;  // pieces are multiples of it
    const NumaPolicy* policy = nullptr;
};

// Every page of the mapping is there and writable, or the error says how far memory went.
Status prealloc_mapping(std::span<uint8_t> mapping, const PreallocPlan& plan);
// Every page of [0, size) of the descriptor is allocated (fallocate with KEEP_SIZE).
Status prealloc_descriptor(int fd, uint64_t size, const PreallocPlan& plan);

}  // namespace vmm
