// Cache tables: what each family of models reports, in bytes and ways.
#include "target/i386/cpu/cache.h"

namespace vmm {
namespace {

constexpr uint32_t kKiB = 1024;
constexpr uint32_t kMiB = 1024 * 1024;

constexpr Cache kIntelL1d{
    .type = CacheType::Data, .level = 1, .size = 32 * kKiB, .ways = 8, .no_invalidate_sharing = true};
constexpr Cache kIntelL1i{
    .type = CacheType::Instruction, .level = 1, .size = 32 * kKiB, .ways = 8, .no_invalidate_sharing = true};
constexpr CacheSet kPlainIntel{
    .l1d = kIntelL1d,
    .l1i = kIntelL1i,
    .l2 =
        {.type = CacheType::Unified, .level = 2, .size = 4 * kMiB, .ways = 16, .no_invalidate_sharing = true},
    .l3 = {.type = CacheType::Unified,
           .level = 3,
           .size = 16 * kMiB,
           .ways = 16,
           .inclusive = true,
           .complex_indexing = true},
};

constexpr CacheSet kPlainAmd{
    .l1d = {.type = CacheType::Data, .level = 1, .size = 64 * kKiB, .ways = 2, .no_invalidate_sharing = true},
    .l1i = {.type = CacheType::Instruction,
            .level = 1,
            .size = 64 * kKiB,
            .ways = 2,
            .no_invalidate_sharing = true},
    .l2 =
        {.type = CacheType::Unified, .level = 2, .size = 512 * kKiB, .ways = 16, .self_initializing = false},
    .l3 = {.type = CacheType::Unified,
           .level = 3,
           .size = 16 * kMiB,
           .ways = 16,
           .inclusive = true,
           .complex_indexing = true},
};

struct ZenShape {
    uint32_t l1i_size;
    unsigned l1i_ways;
    uint32_t l2_size;
    uint32_t l3_size;
    bool l3_complex_indexing;
};

constexpr CacheSet zen(const ZenShape& shape) {
    return {
        .l1d = {.type = CacheType::Data,
                .level = 1,
                .size = 32 * kKiB,
                .ways = 8,
                .no_invalidate_sharing = true},
        .l1i = {.type = CacheType::Instruction,
                .level = 1,
                .size = shape.l1i_size,
                .ways = shape.l1i_ways,
                .no_invalidate_sharing = true},
        .l2 = {.type = CacheType::Unified,
               .level = 2,
               .size = shape.l2_size,
               .ways = 8,
               .self_initializing = false},
        .l3 = {.type = CacheType::Unified,
               .level = 3,
               .size = shape.l3_size,
               .ways = 16,
               .inclusive = true,
               .complex_indexing = shape.l3_complex_indexing},
    };
}

constexpr CacheSet kEpyc = zen({64 * kKiB, 4, 512 * kKiB, 8 * kMiB, true});
constexpr CacheSet kEpycV4 = zen({64 * kKiB, 4, 512 * kKiB, 8 * kMiB, false});
constexpr CacheSet kRome = zen({32 * kKiB, 8, 512 * kKiB, 16 * kMiB, true});
constexpr CacheSet kRomeV3 = zen({32 * kKiB, 8, 512 * kKiB, 16 * kMiB, false});
constexpr CacheSet kMilan = zen({32 * kKiB, 8, 512 * kKiB, 32 * kMiB, true});
constexpr CacheSet kMilanV2 = zen({32 * kKiB, 8, 512 * kKiB, 32 * kMiB, false});
constexpr CacheSet kGenoa = zen({32 * kKiB, 8, 1 * kMiB, 32 * kMiB, false});

}  // namespace

const CacheSet& plain_intel_caches() {
    return kPlainIntel;
}
const CacheSet& plain_amd_caches() {
    return kPlainAmd;
}
const CacheSet& epyc_caches() {
    return kEpyc;
}
const CacheSet& epyc_v4_caches() {
    return kEpycV4;
}
const CacheSet& epyc_rome_caches() {
    return kRome;
}
const CacheSet& epyc_rome_v3_caches() {
    return kRomeV3;
}
const CacheSet& epyc_milan_caches() {
    return kMilan;
}
const CacheSet& epyc_milan_v2_caches() {
    return kMilanV2;
}
const CacheSet& epyc_genoa_caches() {
    return kGenoa;
}

}  // namespace vmm
