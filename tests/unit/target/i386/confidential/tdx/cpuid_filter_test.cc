// CPUID of TDs: masks, the list for the kernel, and what the module did to it.
#include "target/i386/confidential/tdx/cpuid_filter.h"

#include <gtest/gtest.h>

#include "linux-headers/tdx_abi.h"

namespace vmm::tdx {
namespace {

const CpuidMask& mask_of(const std::vector<CpuidMask>& masks, FeatureWord word) {
    for (const CpuidMask& mask : masks)
        if (mask.word == word) return mask;
    static const CpuidMask none{};
    return none;
}

TEST(TdCpuid, FixedBitsAreForcedUnlessConfigurable) {
    const auto old_module = td_cpuid_masks({});
    EXPECT_NE(mask_of(old_module, FeatureWord::F1Edx).set & 1u << 7, 0u);  // MCE
    TdCpuidFacts facts;
    facts.configurable = CpuidSet({{.function = 1, .edx = 1u << 7}});
    const auto new_module = td_cpuid_masks(facts);
    EXPECT_EQ(mask_of(new_module, FeatureWord::F1Edx).set & 1u << 7, 0u);
    EXPECT_EQ(mask_of(new_module, FeatureWord::F1Edx).clear & 1u << 7, 0u);
}

TEST(TdCpuid, WhatNobodyOffersIsCleared) {
    const auto masks = td_cpuid_masks({});
    EXPECT_NE(mask_of(masks, FeatureWord::F1Ecx).clear & 1u << 5, 0u);   // VMX
    EXPECT_NE(mask_of(masks, FeatureWord::F1Ecx).clear & 1u << 28, 0u);  // AVX, without its state
    EXPECT_EQ(mask_of(masks, FeatureWord::F1Ecx).clear & 1u << 31, 0u);
    EXPECT_EQ(mask_of(masks, FeatureWord::F1Ecx).reason, "TDX does not support requested feature");
}

TEST(TdCpuid, StateAndAttributesBringTheirFeatures) {
    TdCpuidFacts facts;
    facts.xfam = 0x2e7;
    facts.attributes = abi::kTdAttributePks;
    const auto masks = td_cpuid_masks(facts);
    EXPECT_EQ(mask_of(masks, FeatureWord::F1Ecx).clear & 1u << 28, 0u);
    EXPECT_EQ(mask_of(masks, FeatureWord::F7Ebx).clear & 1u << 16, 0u);
    EXPECT_EQ(mask_of(masks, FeatureWord::F7Ecx).clear & (1u << 31 | 1u << 3), 0u);
    EXPECT_NE(mask_of(masks, FeatureWord::F7Edx).clear & 1u << 24, 0u);  // AMX needs two components
}

TEST(TdCpuid, KvmLeafKeepsWhatWorksBlindly) {
    const CpuidMask& kvm = mask_of(td_cpuid_masks({}), FeatureWord::K1Eax);
    EXPECT_EQ(kvm.clear & 0xffffffff, ~uint32_t{0xba82});
}

TEST(TdCpuid, InitVmGetsOnlyWhatCanBeConfigured) {
    const CpuidSet configurable({{.function = 1, .eax = 0x0fff3fff, .ecx = 0x8},
                                 {.function = 7, .index = 0, .flags = kCpuidSignificantIndex, .ebx = 0x10}});
    const std::vector<CpuidEntry> wanted = {{.function = 0, .eax = 0x1f},
                                            {.function = 1, .eax = 0xffffffff, .ecx = 0xf, .edx = 1},
                                            {.function = 7, .index = 0, .flags = 1, .ebx = 0xff},
                                            {.function = 7, .index = 1, .flags = 1, .eax = 0xff}};
    const std::vector<CpuidEntry> part = configurable_part(wanted, configurable);
    ASSERT_EQ(part.size(), 2u);
    EXPECT_EQ(part[0], (CpuidEntry{.function = 1, .eax = 0x0fff3fff, .ecx = 0x8}));
    EXPECT_EQ(part[1], (CpuidEntry{.function = 7, .index = 0, .flags = 1, .ebx = 0x10}));
}

TEST(TdCpuid, AddressWidthIsOneOfTwo) {
    EXPECT_EQ(guest_address_width(46), 48u);
    EXPECT_EQ(guest_address_width(48), 48u);
    EXPECT_EQ(guest_address_width(52), 52u);
    std::vector<CpuidEntry> entries = {{.function = 0x80000008, .eax = 0x3934}};
    set_guest_address_width(entries, 48);
    EXPECT_EQ(entries[0].eax, 0x303934u);
}

TEST(TdCpuid, DifferencesAreNamed) {
    const std::vector<CpuidEntry> wanted = {{.function = 1, .ecx = 1u << 5}};
    const auto lines = td_cpuid_differences(wanted, CpuidSet({{.function = 1, .ecx = 1u << 17}}));
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], "TDX forcibly clears the feature: CPUID.01H:ECX.vmx [bit 5]");
    EXPECT_EQ(lines[1], "TDX forcibly sets the feature: CPUID.01H:ECX.pcid [bit 17]");
    EXPECT_TRUE(td_cpuid_differences(wanted, CpuidSet()).empty());
}

}  // namespace
}  // namespace vmm::tdx
