// The feature name tables: spot checks against the manuals, and that names and bits are each other's inverse.
#include "target/i386/cpu/feature_names.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

using Bits = std::vector<FeatureBit>;

TEST(FeatureNames, knownBits) {
    struct Row {
        const char* name;
        FeatureWord word;
        uint8_t bit;
    };
    constexpr Row kRows[] = {
        {"fpu", FeatureWord::F1Edx, 0},
        {"pbe", FeatureWord::F1Edx, 31},
        {"pni", FeatureWord::F1Ecx, 0},
        {"hypervisor", FeatureWord::F1Ecx, 31},
        {"xsave", FeatureWord::F1Ecx, 26},
        {"avx512f", FeatureWord::F7Ebx, 16},
        {"la57", FeatureWord::F7Ecx, 16},
        {"spec-ctrl", FeatureWord::F7Edx, 26},
        {"avx512-bf16", FeatureWord::F7s1Eax, 5},
        {"xsaves", FeatureWord::FDs1Eax, 3},
        {"pdpe1gb", FeatureWord::X1Edx, 26},
        {"topoext", FeatureWord::X1Ecx, 22},
        {"invtsc", FeatureWord::X7Edx, 8},
        {"ibpb", FeatureWord::X8Ebx, 12},
        {"npt", FeatureWord::XAEdx, 0},
        {"vnmi", FeatureWord::XAEdx, 25},
        {"auto-ibrs", FeatureWord::X21Eax, 8},
        {"kvm-pv-unhalt", FeatureWord::K1Eax, 7},
        {"kvm-hc-map-gpa-range", FeatureWord::K1Eax, 16},
        {"kvmclock-stable-bit", FeatureWord::K1Eax, 24},
        {"kvm-hint-dedicated", FeatureWord::K1Edx, 0},
        {"mds-no", FeatureWord::ArchCapabilities, 5},
        {"split-lock-detect", FeatureWord::CoreCapability, 5},
        {"full-width-write", FeatureWord::PerfCapabilities, 13},
    };
    for (const Row& row : kRows)
        EXPECT_EQ(feature_bits(row.name), (Bits{{row.word, row.bit}})) << row.name;
}

TEST(FeatureNames, aliasesAndUnderscores) {
    EXPECT_EQ(feature_bits("sse4_1"), feature_bits("sse4.1"));
    EXPECT_EQ(feature_bits("sse3"), feature_bits("pni"));
    EXPECT_EQ(feature_bits("lahf_lm"), feature_bits("lahf-lm"));
    EXPECT_EQ(feature_bits("kvm_pv_eoi"), feature_bits("kvm-pv-eoi"));
    EXPECT_EQ(feature_bits("pclmuldq"), feature_bits("pclmulqdq"));
    for (const FeatureAlias& alias : feature_aliases())
        EXPECT_FALSE(feature_bits(alias.name).empty());
}

TEST(FeatureNames, kvmclockIsTwoBits) {
    EXPECT_EQ(feature_bits("kvmclock"), (Bits{{FeatureWord::K1Eax, 0}, {FeatureWord::K1Eax, 3}}));
}

TEST(FeatureNames, unknownHasNoBits) {
    EXPECT_TRUE(feature_bits("avx1024").empty());
    EXPECT_TRUE(feature_bits("").empty());
    EXPECT_TRUE(feature_bits("-").empty());
}

TEST(FeatureNames, everyNamedBitIsFoundByItsName) {
    for (size_t i = 0; i < kFeatureWordCount; i++) {
        const FeatureWord word = static_cast<FeatureWord>(i);
        const uint64_t named = named_bits(word);
        EXPECT_NE(named, 0u);
        if (feature_word_place(word).msr == 0) {
            EXPECT_EQ(named >> 32, 0u) << feature_word_place(word).text;
        }
        EXPECT_EQ(migratable_bits(word) & ~named, 0u);
        for (uint8_t bit = 0; bit < 64; bit++) {
            const std::string_view name = feature_name({word, bit});
            EXPECT_EQ((named >> bit & 1) != 0, !name.empty());
            if (name.empty()) continue;
            const Bits bits = feature_bits(name);
            EXPECT_NE(std::find(bits.begin(), bits.end(), FeatureBit{word, bit}), bits.end()) << name;
        }
    }
}

TEST(FeatureNames, noNameStandsForTwoWords) {
    for (std::string_view name : feature_names())
        if (name != "kvmclock") {
            EXPECT_EQ(feature_bits(name).size(), 1u) << name;
        }
}

TEST(FeatureNames, textNamesLeafAndBit) {
    EXPECT_EQ(feature_text({FeatureWord::F1Ecx, 5}), "CPUID.01H:ECX.vmx [bit 5]");
    EXPECT_EQ(feature_text({FeatureWord::F1Edx, 10}), "CPUID.01H:EDX [bit 10]");
}

}  // namespace
}  // namespace vmm
