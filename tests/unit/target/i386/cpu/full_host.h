// A made-up host that can give every feature there is, for tests that want nothing filtered.
#pragma once

#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/policy.h"

namespace vmm {

inline CpuidEntry vendor_leaf(uint32_t function, uint32_t last, bool intel) {
    return intel ? CpuidEntry{function, 0, 0, last, 0x756e6547, 0x6c65746e, 0x49656e69}
                 : CpuidEntry{function, 0, 0, last, 0x68747541, 0x444d4163, 0x69746e65};
}

inline void put(CpuidEntry& leaf, CpuidRegister reg, uint32_t value) {
    switch (reg) {
        case CpuidRegister::Eax:
            leaf.eax = value;
            break;
        case CpuidRegister::Ebx:
            leaf.ebx = value;
            break;
        case CpuidRegister::Ecx:
            leaf.ecx = value;
            break;
        case CpuidRegister::Edx:
            leaf.edx = value;
            break;
    }
}

// `given`: the features of the host.
inline HostCpu host_with(const FeatureWords& given, bool intel) {
    constexpr uint32_t kIndexed = kCpuidSignificantIndex;
    std::vector<CpuidEntry> leaves = {
        vendor_leaf(0, 0x20, intel),
        {1, 0, 0, 0x00a10f11, 0x800, 0, 0},
        {6},
        {7, 0, kIndexed, 2},
        {7, 1, kIndexed},
        {7, 2, kIndexed},
        {0xa, 0, 0, 0x07300803, 0, 0, 0x603},
        {0xd, 0, kIndexed, 0x602e7},
        {0xd, 1, kIndexed, 0, 0, 0x1800, 0},
        {0xd, 2, kIndexed, 0x100, 0x240},
        {0xd, 3, kIndexed, 0x40, 0x3c0},
        {0xd, 4, kIndexed, 0x40, 0x400},
        {0xd, 5, kIndexed, 0x40, 0x440},
        {0xd, 6, kIndexed, 0x200, 0x480},
        {0xd, 7, kIndexed, 0x400, 0x680},
        {0xd, 9, kIndexed, 8, 0xa80},
        {0xd, 11, kIndexed, 0x10, 0, 1},
        {0xd, 12, kIndexed, 0x18, 0, 1},
        {0xd, 17, kIndexed, 0x40, 0xac0, 2},
        {0xd, 18, kIndexed, 0x2000, 0xb00, 6},
        {0x1d, 1, kIndexed, 0x04002000, 0x00080040, 16},
        vendor_leaf(0x80000000, 0x80000022, intel),
        {0x80000001},
        {0x80000002, 0, 0, 0x65746554, 0x50432073, 0x55, 0},  // "Tetes CPU", as bytes
        {0x80000003},
        {0x80000004},
        {0x80000007},
        {0x80000008, 0, 0, 0x3030},
        {0x8000000a},
        {0x80000021},
        {0x80000022},
        {0x40000001},
    };
    HostCpu host;
    for (size_t i = 0; i < kFeatureWordCount; i++) {
        const FeatureWord word = static_cast<FeatureWord>(i);
        const FeatureWordPlace& place = feature_word_place(word);
        if (place.msr != 0) {
            host.feature_msrs.emplace_back(place.msr, given[word]);
            continue;
        }
        for (CpuidEntry& leaf : leaves)
            if (leaf.function == place.function && leaf.index == place.index)
                put(leaf, place.reg, given.low(word));
    }
    host.supported = CpuidSet(leaves);
    host.native = CpuidSet(leaves);
    return host;
}

inline HostCpu full_host(bool intel) {
    FeatureWords all;
    for (size_t i = 0; i < kFeatureWordCount; i++)
        all[static_cast<FeatureWord>(i)] = named_bits(static_cast<FeatureWord>(i));
    return host_with(all, intel);
}

}  // namespace vmm
