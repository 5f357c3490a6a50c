// Cache leaves: 2 and 4 as Intel gives them, 8000_0005, 8000_0006 and 8000_001D as AMD does (APM vol. 3 E.4).
#include <algorithm>

#include "target/i386/cpu/cpuid_cache_priv.h"

namespace vmm {
namespace {

// Leaf 2 names caches by descriptor; a set without a matching one points to leaf 4.
uint32_t cache_descriptor(const Cache& cache) {
    struct Row {
        CacheType type;
        unsigned level;
        uint32_t size;
        unsigned ways;
        uint32_t descriptor;
    };
    constexpr uint32_t kKiB = 1024, kMiB = 1024 * 1024;
    constexpr Row kRows[] = {
        {CacheType::Data, 1, 32 * kKiB, 8, 0x2c},     {CacheType::Instruction, 1, 32 * kKiB, 8, 0x30},
        {CacheType::Unified, 2, 2 * kMiB, 8, 0x7d},   {CacheType::Unified, 2, 4 * kMiB, 16, 0x49},
        {CacheType::Unified, 2, 1 * kMiB, 8, 0x7c},   {CacheType::Unified, 2, 512 * kKiB, 8, 0x83},
        {CacheType::Unified, 3, 16 * kMiB, 16, 0x4d}, {CacheType::Unified, 3, 8 * kMiB, 16, 0x4b},
    };
    for (const Row& row : kRows)
        if (row.type == cache.type && row.level == cache.level && row.size == cache.size &&
            row.ways == cache.ways)
            return row.descriptor;
    return 0xff;
}

// Type, level, sharing and geometry as leaves 4 and 8000_001D both have them.
CpuidEntry describe(const Cache& cache, uint32_t function, uint32_t index) {
    CpuidEntry leaf{.function = function, .index = index};
    leaf.eax = static_cast<uint32_t>(cache.type) | cache.level << 5 | (cache.self_initializing ? 1u << 8 : 0);
    leaf.ebx = (cache.line_size - 1) | (cache.partitions - 1) << 12 | (cache.ways - 1) << 22;
    leaf.ecx = cache.sets() - 1;
    leaf.edx = (cache.no_invalidate_sharing ? 1u : 0) | (cache.inclusive ? 2u : 0) |
               (cache.complex_indexing ? 4u : 0);
    return leaf;
}

// Addressable ids that share the cache, and cores of the package, each less one (leaf 4 EAX 25:14, 31:26).
uint32_t intel_sharing(const LeafWork& work, unsigned cache_level) {
    const unsigned shift = cache_level < 3 ? work.layout.core_shift : work.layout.die_shift;
    const uint32_t cores = (1u << (work.layout.socket_shift - work.layout.core_shift)) - 1;
    return std::min((1u << shift) - 1, 0xfffu) << 14 | std::min(cores, 0x3fu) << 26;
}

uint32_t amd_sharing(const LeafWork& work, unsigned cache_level) {
    return std::min(sharing_cpus(work.topology, cache_level) - 1, 0xfffu) << 14;
}

void add_host_caches(LeafWork& work, uint32_t function) {
    for (CpuidEntry leaf : work.policy.host_leaves) {
        if (leaf.function != function) continue;
        const unsigned level = leaf.eax >> 5 & 7;
        if ((leaf.eax & 0x1f) != 0) {
            const uint32_t kept = leaf.eax & 0x3fff;
            leaf.eax = kept | (function == 4 ? intel_sharing(work, level) : amd_sharing(work, level));
        }
        work.add_indexed(leaf);
    }
}

uint32_t amd_ways(unsigned ways) {
    constexpr struct {
        unsigned ways;
        uint32_t code;
    } kCodes[] = {{1, 1},    {2, 2},    {4, 4},    {8, 6},    {16, 8},
                  {32, 0xa}, {48, 0xb}, {64, 0xc}, {96, 0xd}, {128, 0xe}};
    for (const auto& row : kCodes)
        if (row.ways == ways) return row.code;
    return 0xf;
}

uint32_t amd_l1(const Cache& cache) {
    return cache.size / 1024 << 24 | cache.ways << 16 | cache.lines_per_tag << 8 | cache.line_size;
}

uint32_t amd_l2(const Cache& cache) {
    return cache.size / 1024 << 16 | amd_ways(cache.ways) << 12 | cache.lines_per_tag << 8 | cache.line_size;
}

uint32_t amd_l3(const Cache& cache) {
    constexpr uint32_t kUnit = 512 * 1024;
    return cache.size / kUnit << 18 | amd_ways(cache.ways) << 12 | cache.lines_per_tag << 8 | cache.line_size;
}

}  // namespace

void add_cache_leaves(LeafWork& work) {
    if (!work.policy.is_intel()) return;
    if (work.policy.host_cache_info) {
        if (const CpuidEntry* leaf = host_leaf(work.policy, 2)) work.add(*leaf);
        add_host_caches(work, 4);
        return;
    }
    const CacheSet& caches = work.policy.intel_caches;
    constexpr uint32_t kOneQuery = 1;
    CpuidEntry leaf{.function = 2, .eax = kOneQuery};
    if (work.policy.l3_cache) leaf.ecx = cache_descriptor(caches.l3);
    leaf.edx =
        cache_descriptor(caches.l1d) << 16 | cache_descriptor(caches.l1i) << 8 | cache_descriptor(caches.l2);
    work.add(leaf);
    uint32_t index = 0;
    for (const Cache* cache : {&caches.l1d, &caches.l1i, &caches.l2, &caches.l3}) {
        if (cache->level == 3 && !work.policy.l3_cache) continue;
        CpuidEntry entry = describe(*cache, 4, index++);
        entry.eax |= intel_sharing(work, cache->level);
        work.add_indexed(entry);
    }
    work.add_indexed({.function = 4, .index = index});
}

void add_amd_cache_leaves(LeafWork& work) {
    constexpr uint32_t kL1TlbLargest = 0x01ff01ff;  // one entry, fully associative
    constexpr uint32_t kL2Tlb4K = 0x42004200;       // 512 entries, 4 ways, data and code
    const CacheSet& caches = work.policy.amd_caches;
    if (work.policy.is_amd() && work.policy.host_cache_info) {
        for (uint32_t function : {0x80000005u, 0x80000006u})
            if (const CpuidEntry* leaf = host_leaf(work.policy, function)) work.add(*leaf);
        if (work.policy.features.test(feature::kTopoext)) add_host_caches(work, 0x8000001d);
        return;
    }
    if (!work.policy.is_amd()) {
        work.add({.function = 0x80000006, .ecx = amd_l2(work.policy.intel_caches.l2)});
        return;
    }
    work.add({.function = 0x80000005,
              .eax = kL1TlbLargest,
              .ebx = kL1TlbLargest,
              .ecx = amd_l1(caches.l1d),
              .edx = amd_l1(caches.l1i)});
    work.add({.function = 0x80000006,
              .ebx = kL2Tlb4K,
              .ecx = amd_l2(caches.l2),
              .edx = work.policy.l3_cache ? amd_l3(caches.l3) : 0});
    if (!work.policy.features.test(feature::kTopoext)) return;
    uint32_t index = 0;
    for (const Cache* cache : {&caches.l1d, &caches.l1i, &caches.l2, &caches.l3}) {
        if (cache->level == 3 && !work.policy.l3_cache) continue;
        CpuidEntry entry = describe(*cache, 0x8000001d, index++);
        entry.eax |= amd_sharing(work, cache->level);
        work.add_indexed(entry);
    }
    work.add_indexed({.function = 0x8000001d, .index = index});
}

}  // namespace vmm
