// What the TDX module leaves of -cpu; see cpuid_filter.h.
#include "target/i386/confidential/tdx/cpuid_filter.h"

#include <algorithm>

#include "linux-headers/tdx_abi.h"
#include "target/i386/cpu/feature_names.h"
#include "util/text.h"

namespace vmm::tdx {

namespace {

struct FixedRow {
    FeatureWord word;
    uint32_t bits;
};

constexpr uint32_t bits_of(std::initializer_list<unsigned> numbers) {
    uint32_t out = 0;
    for (unsigned number : numbers)
        out |= 1u << number;
    return out;
}

// Bits that the first TDX modules give every TD, whatever is asked. Newer modules report some as
// configurable.
constexpr FixedRow kFixedOne[] = {
    // SSE3, PCLMULQDQ, DTES64, DS-CPL, SSSE3, CX16, PDCM, PCID, SSE4.1, SSE4.2, x2APIC, MOVBE, POPCNT, AES,
    // XSAVE, RDRAND, hypervisor
    {FeatureWord::F1Ecx, bits_of({0, 1, 2, 4, 9, 13, 15, 17, 19, 20, 21, 22, 23, 25, 26, 30, 31})},
    // FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT, CLFLUSH, DS, MMX,
    // FXSR, SSE, SSE2
    {FeatureWord::F1Edx,
     bits_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 19, 21, 23, 24, 25, 26})},
    {FeatureWord::F6Eax, bits_of({2})},  // ARAT
    // FSGSBASE, FDP_EXCPTN_ONLY, SMEP, INVPCID, ZERO_FCS_FDS, RDSEED, SMAP, CLFLUSHOPT, CLWB, SHA
    {FeatureWord::F7Ebx, bits_of({0, 6, 7, 10, 13, 18, 20, 23, 24, 29})},
    {FeatureWord::F7Ecx, bits_of({24, 27, 28})},  // bus lock detection, MOVDIRI, MOVDIR64B
    // MD_CLEAR, SERIALIZE, STIBP (with SPEC_CTRL), L1D_FLUSH, ARCH_CAPABILITIES, CORE_CAPABILITY, SSBD
    {FeatureWord::F7Edx, bits_of({10, 14, 26, 27, 28, 29, 30, 31})},
    {FeatureWord::F7s2Edx, bits_of({0, 1, 2, 4})},        // PSFD, IPRED_CTRL, RRSBA_CTRL, BHI_CTRL
    {FeatureWord::FDs1Eax, bits_of({0, 1, 2, 3})},        // XSAVEOPT, XSAVEC, XGETBV1, XSAVES
    {FeatureWord::X1Ecx, bits_of({0, 5, 8})},             // LAHF, LZCNT, PREFETCHW
    {FeatureWord::X1Edx, bits_of({11, 20, 26, 27, 29})},  // SYSCALL, NX, 1 GiB pages, RDTSCP, long mode
    {FeatureWord::X7Edx, bits_of({8})},                   // invariant TSC
};

// Features that come with an attribute or a component of the extended state.
struct ImpliedRow {
    uint64_t attributes;
    uint64_t xfam;
    FeatureWord word;
    uint32_t bits;
};
constexpr uint64_t kXfamAvx = 1u << 2, kXfamAvx512 = 7u << 5, kXfamPt = 1u << 8, kXfamPku = 1u << 9,
                   kXfamCet = 3u << 11, kXfamUintr = 1u << 14, kXfamLbr = 1u << 15, kXfamAmx = 3u << 17;
constexpr ImpliedRow kImplied[] = {
    {abi::kTdAttributePks, 0, FeatureWord::F7Ecx, bits_of({31})},
    // AVX, FMA, F16C
    {0, kXfamAvx, FeatureWord::F1Ecx, bits_of({12, 28, 29})},
    // AVX2; VAES, VPCLMULQDQ; AVX-VNNI, AVX-IFMA
    {0, kXfamAvx, FeatureWord::F7Ebx, bits_of({5})},
    {0, kXfamAvx, FeatureWord::F7Ecx, bits_of({9, 10})},
    {0, kXfamAvx, FeatureWord::F7s1Eax, bits_of({4, 23})},
    {0, kXfamAvx, FeatureWord::F7s1Edx, bits_of({4, 5})},
    // AVX-512: F, DQ, IFMA, CD, BW, VL; VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ; VP2INTERSECT, FP16; BF16
    {0, kXfamAvx512, FeatureWord::F7Ebx, bits_of({16, 17, 21, 28, 30, 31})},
    {0, kXfamAvx512, FeatureWord::F7Ecx, bits_of({1, 6, 11, 12, 14})},
    {0, kXfamAvx512, FeatureWord::F7Edx, bits_of({8, 23})},
    {0, kXfamAvx512, FeatureWord::F7s1Eax, bits_of({5})},
    {0, kXfamPt, FeatureWord::F7Ebx, bits_of({25})},
    {0, kXfamPku, FeatureWord::F7Ecx, bits_of({3})},
    {0, kXfamCet, FeatureWord::F7Ecx, bits_of({7})},
    {0, kXfamCet, FeatureWord::F7Edx, bits_of({20})},
    {0, kXfamUintr, FeatureWord::F7Edx, bits_of({5})},
    {0, kXfamLbr, FeatureWord::F7Edx, bits_of({19})},
    {0, kXfamLbr, FeatureWord::FDs1Eax, bits_of({4})},  // XFD is the kernel's
    {0, kXfamAmx, FeatureWord::F7Edx, bits_of({22, 24, 25})},
    {0, kXfamAmx, FeatureWord::F7s1Eax, bits_of({21})},
    {0, kXfamAmx, FeatureWord::FDs1Eax, bits_of({4})},
};

// Of KVM's own leaf: what works without the host seeing into the guest. No-op I/O delay, PV unhalt, PV TLB
// flush, PV IPIs, poll control, PV yield, extended MSI destinations.
constexpr uint32_t kKvmBits = bits_of({1, 7, 9, 11, 12, 13, 15});

constexpr FeatureWord kRuled[] = {FeatureWord::F1Edx,   FeatureWord::F1Ecx,   FeatureWord::F6Eax,
                                  FeatureWord::F7Ebx,   FeatureWord::F7Ecx,   FeatureWord::F7Edx,
                                  FeatureWord::F7s1Eax, FeatureWord::F7s1Edx, FeatureWord::F7s2Edx,
                                  FeatureWord::FDs1Eax, FeatureWord::X1Edx,   FeatureWord::X1Ecx,
                                  FeatureWord::X7Edx,   FeatureWord::X8Ebx,   FeatureWord::K1Eax};

constexpr uint32_t kSizesLeaf = 0x80000008;

uint32_t configurable_bits(const CpuidSet& set, FeatureWord word) {
    const FeatureWordPlace& place = feature_word_place(word);
    return set.reg(place.function, place.index, place.reg);
}

bool has_all(uint64_t set, uint64_t bits) {
    return (set & bits) == bits;
}

}  // namespace

std::vector<CpuidMask> td_cpuid_masks(const TdCpuidFacts& facts) {
    std::vector<CpuidMask> out;
    for (FeatureWord word : kRuled) {
        uint32_t fixed = 0;
        for (const FixedRow& row : kFixedOne)
            if (row.word == word) fixed |= row.bits;
        uint32_t kept = fixed | configurable_bits(facts.configurable, word);
        for (const ImpliedRow& row : kImplied)
            if (row.word == word && has_all(facts.attributes, row.attributes) &&
                has_all(facts.xfam, row.xfam))
                kept |= row.bits;
        if (word == FeatureWord::K1Eax) kept |= kKvmBits;
        // What can be configured is the user's to choose, also where early modules had no choice.
        const uint32_t forced = fixed & ~configurable_bits(facts.configurable, word);
        out.push_back({.word = word, .clear = ~uint64_t{kept}, .set = forced, .reason = kTdxLacks});
    }
    return out;
}

std::vector<CpuidEntry> configurable_part(std::span<const CpuidEntry> wanted, const CpuidSet& configurable) {
    std::vector<CpuidEntry> out;
    for (const CpuidEntry& entry : wanted) {
        const CpuidEntry* mask = configurable.find(entry.function, entry.index);
        if (mask == nullptr) continue;
        CpuidEntry kept = entry;
        kept.flags = mask->flags;
        kept.eax &= mask->eax;
        kept.ebx &= mask->ebx;
        kept.ecx &= mask->ecx;
        kept.edx &= mask->edx;
        out.push_back(kept);
    }
    return out;
}

unsigned guest_address_width(unsigned phys_bits) {
    return phys_bits > 48 ? 52 : 48;
}

void set_guest_address_width(std::vector<CpuidEntry>& entries, unsigned width) {
    constexpr uint32_t kWidthMask = 0xff0000;
    for (CpuidEntry& entry : entries)
        if (entry.function == kSizesLeaf) entry.eax = (entry.eax & ~kWidthMask) | width << 16;
}

std::vector<std::string> td_cpuid_differences(std::span<const CpuidEntry> wanted, const CpuidSet& actual) {
    const CpuidSet asked(std::vector<CpuidEntry>(wanted.begin(), wanted.end()));
    std::vector<std::string> out;
    for (FeatureWord word : kRuled) {
        if (word == FeatureWord::K1Eax) continue;  // KVM's own, of which the module knows nothing
        const FeatureWordPlace& place = feature_word_place(word);
        if (actual.find(place.function, place.index) == nullptr) continue;
        const uint32_t want = asked.reg(place.function, place.index, place.reg);
        const uint32_t have = actual.reg(place.function, place.index, place.reg);
        for (unsigned bit = 0; bit < 32; ++bit) {
            if (((want ^ have) >> bit & 1) == 0) continue;
            out.push_back(strf("TDX forcibly %s the feature: %s", (have >> bit & 1) != 0 ? "sets" : "clears",
                               feature_text({word, static_cast<uint8_t>(bit)}).c_str()));
        }
    }
    return out;
}

}  // namespace vmm::tdx
