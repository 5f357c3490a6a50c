// The caches a CPU model claims to have. Read by the leaf builders (leaves 2, 4, 8000_0005, 8000_0006,
// 8000_001D). Pure data.
#pragma once

#include <cstdint>

namespace vmm {

enum class CacheType : uint8_t { Data = 1, Instruction = 2, Unified = 3 };

struct Cache {
    CacheType type = CacheType::Data;
    unsigned level = 1;
    uint32_t size = 0;  // bytes; 0: not there
    unsigned line_size = 64;
    unsigned ways = 1;
    unsigned partitions = 1;
    unsigned lines_per_tag = 1;  // AMD leaves only
    bool self_initializing = true;
    bool no_invalidate_sharing = false;  // WBINVD does not reach the lower caches of other threads
    bool inclusive = false;
    bool complex_indexing = false;

    uint32_t sets() const { return size / (line_size * ways * partitions); }
};

struct CacheSet {
    Cache l1d;
    Cache l1i;
    Cache l2;
    Cache l3;
};

// What models without caches of their own have: one set as Intel's leaves describe it, one as AMD's do.
const CacheSet& plain_intel_caches();
const CacheSet& plain_amd_caches();

// Caches of models that name them (CpuModel::caches).
// The later version of each states the last level cache as the real processors do.
const CacheSet& epyc_caches();  // Naples and Dhyana
const CacheSet& epyc_v4_caches();
const CacheSet& epyc_rome_caches();
const CacheSet& epyc_rome_v3_caches();
const CacheSet& epyc_milan_caches();
const CacheSet& epyc_milan_v2_caches();
const CacheSet& epyc_genoa_caches();

}  // namespace vmm
