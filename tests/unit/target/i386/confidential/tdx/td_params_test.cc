// Attributes, extended features and digests of a TD.
#include "target/i386/confidential/tdx/td_params.h"

#include <gtest/gtest.h>

#include "linux-headers/tdx_abi.h"

namespace vmm::tdx {
namespace {

constexpr TdAllowed kAll = {.attributes = ~uint64_t{0}, .xfam = 0x7};

TEST(TdParams, DefaultsAreQemus) {
    const auto choice = choose({}, {.xcr0 = 7}, kAll);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->attributes, uint64_t{1} << 28);
    EXPECT_EQ(choice->xfam, 7u);
}

TEST(TdParams, PropertiesAndProcessorsAddUp) {
    TdConfig config;
    config.attributes = 0;
    EXPECT_EQ(choose(config, {}, kAll)->attributes, 0u);
    config.sept_ve_disable = true;
    config.debug = true;
    EXPECT_EQ(choose(config, {}, kAll)->attributes, abi::kTdAttributeSeptVeDisable | abi::kTdAttributeDebug);
    config.sept_ve_disable = false;
    config.debug = false;
    config.attributes = abi::kTdAttributeSeptVeDisable | abi::kTdAttributeDebug;
    const auto choice = choose(config, {.pks = true, .pmu = true}, kAll);
    EXPECT_EQ(choice->attributes, abi::kTdAttributePks | abi::kTdAttributePerfmon);
}

TEST(TdParams, UnknownAttributesAreRefused) {
    TdConfig config;
    config.attributes = 1u << 27;
    const auto choice = choose(config, {}, kAll);
    ASSERT_FALSE(choice);
    EXPECT_NE(choice.error().text().find("0x8000000"), std::string::npos) << choice.error().text();
}

TEST(TdParams, WhatTheHostLacksIsNamed) {
    TdConfig config;
    config.debug = true;
    const auto choice = choose(config, {}, {.attributes = abi::kTdAttributeSeptVeDisable, .xfam = 7});
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().text(),
              "Invalid attributes 0x10000001 for TDX VM (KVM supported: 0x10000000): this host does not have "
              "debug");
    const auto wide = choose({}, {.xcr0 = 0x207}, kAll);
    ASSERT_FALSE(wide);
    EXPECT_EQ(wide.error().text(), "Invalid XFAM 0x207 for TDX VM (KVM supported: 0x7)");
}

TEST(TdParams, DigestsAreFortyEightBytes) {
    TdConfig config;
    config.mrconfigid = std::string(64, 'A');
    config.mrowner = "//////////////////////////////////////////////////////////////8=";
    EXPECT_NE(
        decode_identity(config).error().text().find("'mrowner' sha384 digest was 47 bytes, expected 48"),
        std::string::npos);
    config.mrowner = std::string(62, '/') + "//";
    const auto identity = decode_identity(config);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->mrowner[47], 0xff);
    EXPECT_EQ(identity->mrconfigid, Sha384Digest{});
    config.mrownerconfig = std::string(63, 'A') + "*";
    EXPECT_NE(decode_identity(config).error().text().find("TDX 'mrownerconfig': "), std::string::npos);
    config.mrownerconfig = "";
    EXPECT_FALSE(decode_identity(config));
}

TEST(TdParams, TscFrequency) {
    for (uint64_t good : {0u, 100'000u, 2'500'000u, 10'000'000u})
        EXPECT_TRUE(check_tsc_khz(good)) << good;
    for (uint64_t bad : {75'000u, 99'999u, 100'001u, 10'025'000u})
        EXPECT_FALSE(check_tsc_khz(bad)) << bad;
}

}  // namespace
}  // namespace vmm::tdx
