// resolve(): what a model becomes on a host, and the laws that hold for all of them.
#include "target/i386/cpu/resolve.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/options.h"
#include "tests/unit/target/i386/cpu/full_host.h"

namespace vmm {
namespace {

CpuidPolicy policy_of(std::string_view cpu, const HostCpu& host, std::span<const CpuidMask> masks = {}) {
    auto request = parse_cpu_option(cpu);
    EXPECT_TRUE(request) << cpu;
    auto policy = resolve(*request, host, masks);
    EXPECT_TRUE(policy) << cpu << ": " << (policy ? "" : policy.error().message());
    return policy ? std::move(policy).take_value() : CpuidPolicy{};
}

std::string refusal(std::string_view cpu, const HostCpu& host) {
    auto request = parse_cpu_option(cpu);
    if (!request) return request.error().message();
    auto policy = resolve(*request, host);
    return policy ? "accepted" : policy.error().message();
}

bool has(const CpuidPolicy& policy, std::string_view name) {
    const std::vector<FeatureBit> bits = feature_bits(name);
    return std::any_of(bits.begin(), bits.end(), [&](FeatureBit at) { return policy.features.test(at); });
}

HostCpu host_without(std::initializer_list<std::string_view> names, bool intel) {
    FeatureWords words;
    for (size_t i = 0; i < kFeatureWordCount; i++)
        words[static_cast<FeatureWord>(i)] = named_bits(static_cast<FeatureWord>(i));
    for (std::string_view name : names)
        for (FeatureBit at : feature_bits(name))
            words.set(at, false);
    return host_with(words, intel);
}

TEST(Resolve, namedModelsGetKvmDefaults) {
    const CpuidPolicy policy = policy_of("EPYC", full_host(false));
    for (const char* on : {"x2apic", "kvmclock", "kvm-pv-eoi", "kvm-steal-time", "hypervisor", "topoext"})
        EXPECT_TRUE(has(policy, on)) << on;
    for (const char* off : {"svm", "monitor", "acpi", "kvm-pv-unhalt", "npt"})
        EXPECT_FALSE(has(policy, off)) << off;
    EXPECT_TRUE(policy.missing.empty());
    EXPECT_FALSE(policy.pmu);
    EXPECT_EQ(policy.phys_bits, 40u);
}

TEST(Resolve, vendorFollowsTheHostUnlessGiven) {
    EXPECT_EQ(policy_of("EPYC", full_host(true)).vendor, kVendorIntel);
    EXPECT_EQ(policy_of("Nehalem", full_host(false)).vendor, kVendorAmd);
    EXPECT_EQ(policy_of("EPYC,vendor=HygonGenuine", full_host(true)).vendor, kVendorHygon);
}

TEST(Resolve, missingFeaturesAreLeftOutAndListed) {
    const HostCpu host = host_without({"avx2", "aes"}, true);
    const CpuidPolicy policy = policy_of("Haswell", host);
    EXPECT_FALSE(has(policy, "avx2"));
    EXPECT_EQ(unavailable_features(policy), (std::vector<std::string>{"aes", "avx2"}));
    EXPECT_EQ(missing_feature_lines(policy)[0],
              "CPU 'Haswell-v1': host doesn't support requested feature: CPUID.01H:ECX.aes [bit 25]");
    EXPECT_EQ(
        refusal("Haswell,enforce", host),
        "CPU 'Haswell-v1' with 'enforce': this host cannot give aes, avx2 (host doesn't support requested "
        "feature)");
    EXPECT_EQ(refusal("Haswell,enforce,-avx2,-aes", host), "accepted");
}

TEST(Resolve, unknownModelSuggestsTheNearest) {
    EXPECT_EQ(refusal("EPYC-Rom", full_host(true)),
              "CPU model 'EPYC-Rom' is not known; did you mean 'EPYC-Rome'?");
    EXPECT_EQ(refusal("zzzzzzzzzzzz", full_host(true)),
              "CPU model 'zzzzzzzzzzzz' is not known (-cpu help lists all)");
}

TEST(Resolve, dependentsFallWithTheirGround) {
    const CpuidPolicy policy = policy_of("Skylake-Server,-xsave", full_host(true));
    for (const char* gone : {"avx", "avx2", "avx512f", "avx512vl", "fma", "f16c", "xsaveopt", "xsavec"})
        EXPECT_FALSE(has(policy, gone)) << gone;
    EXPECT_EQ(policy.xcr0, 0u);
    EXPECT_TRUE(policy.missing.empty()) << "nobody asked for them by name";
    const CpuidPolicy asked = policy_of("Skylake-Server,-xsave,+avx", full_host(true));
    ASSERT_EQ(asked.missing.size(), 1u);
    EXPECT_EQ(asked.missing[0].reason, "needs 'xsave'");
}

TEST(Resolve, xsaveComponentsFollowTheFeatures) {
    EXPECT_EQ(policy_of("Nehalem", full_host(true)).xcr0, 0u);
    EXPECT_EQ(policy_of("Nehalem,+xsave", full_host(true)).xcr0, 3u);
    EXPECT_EQ(policy_of("Haswell", full_host(true)).xcr0, 7u);
    EXPECT_EQ(policy_of("Skylake-Server", full_host(true)).xcr0, 0x2e7u);
    EXPECT_EQ(policy_of("Skylake-Server,-pku", full_host(true)).xcr0, 0xe7u);
}

TEST(Resolve, kvmOffHidesKvmAlone) {
    const CpuidPolicy policy = policy_of("Haswell,kvm=off", full_host(true));
    EXPECT_EQ(policy.features[FeatureWord::K1Eax], 0u);
    EXPECT_TRUE(has(policy, "hypervisor"));
    EXPECT_FALSE(has(policy_of("Haswell,hypervisor=off", full_host(true)), "hypervisor"));
}

TEST(Resolve, physBits) {
    const HostCpu host = full_host(true);  // 48 bits
    EXPECT_EQ(policy_of("host", host).phys_bits, 48u);
    EXPECT_EQ(policy_of("host,phys-bits=42", host).phys_bits, 42u);
    EXPECT_EQ(policy_of("EPYC,host-phys-bits=on", host).phys_bits, 48u);
    EXPECT_EQ(policy_of("EPYC,host-phys-bits=on,host-phys-bits-limit=45", host).phys_bits, 45u);
    EXPECT_EQ(policy_of("pentium3", host).phys_bits, 36u);
    EXPECT_EQ(policy_of("486", host).phys_bits, 32u);
    EXPECT_NE(refusal("EPYC,phys-bits=53", host).find("between 32 and 52"), std::string::npos);
    EXPECT_NE(refusal("486,phys-bits=40", host).find("64-bit"), std::string::npos);
}

TEST(Resolve, hostTakesTheHostsIdentity) {
    const CpuidPolicy policy = policy_of("host", full_host(false));
    EXPECT_EQ(policy.family, 25u);
    EXPECT_EQ(policy.model, 17u);
    EXPECT_EQ(policy.stepping, 1u);
    EXPECT_TRUE(policy.pmu);
    EXPECT_FALSE(has(policy, "arch-capabilities")) << "not on AMD";
    EXPECT_TRUE(has(policy_of("host", full_host(true)), "arch-capabilities"));
}

TEST(Resolve, migratableHidesWhatCannotMove) {
    const HostCpu host = full_host(true);
    EXPECT_FALSE(has(policy_of("host", host), "invtsc"));
    EXPECT_TRUE(has(policy_of("host,migratable=off", host), "invtsc"));
    EXPECT_TRUE(has(policy_of("host,+invtsc", host), "invtsc"));
    EXPECT_NE(refusal("EPYC,migratable=on", host).find("'migratable'"), std::string::npos);
}

TEST(Resolve, levelsRiseWithFeatures) {
    const HostCpu host = full_host(true);
    EXPECT_EQ(policy_of("Conroe", host).level, 10u);
    EXPECT_EQ(policy_of("Conroe,+xsave", host).level, 0xdu);
    EXPECT_EQ(policy_of("Conroe,+xsave,level=10", host).level, 10u);
    EXPECT_EQ(policy_of("Conroe,min-level=0x12", host).level, 0x12u);
    EXPECT_EQ(policy_of("Conroe,+auto-ibrs", host).xlevel, 0x80000021u);
    EXPECT_EQ(policy_of("EPYC,xlevel=0x80000008", host).xlevel, 0x80000008u);
    EXPECT_EQ(policy_of("base", host).level, 0u);
}

TEST(Resolve, pmuOffTakesItsFeatures) {
    EXPECT_FALSE(has(policy_of("EPYC-Rome", full_host(false)), "perfctr-core"));
    EXPECT_TRUE(has(policy_of("EPYC-Rome,pmu=on", full_host(false)), "perfctr-core"));
}

TEST(Resolve, legacyCacheOffNeedsCachesOfTheModel) {
    EXPECT_NE(refusal("Nehalem,legacy-cache=off", full_host(true)).find("legacy-cache=off"),
              std::string::npos);
    EXPECT_EQ(policy_of("EPYC,legacy-cache=on", full_host(false)).amd_caches.l1d.size, 64u * 1024);
    EXPECT_EQ(policy_of("EPYC", full_host(false)).amd_caches.l1d.size, 32u * 1024);
}

TEST(Resolve, noLocalApicInKernelNoX2apic) {
    HostCpu host = full_host(true);
    host.in_kernel_lapic = false;
    EXPECT_FALSE(has(policy_of("Haswell", host), "x2apic"));
    EXPECT_FALSE(has(policy_of("Haswell,+kvm-pv-unhalt", host), "kvm-pv-unhalt"));
}

TEST(Resolve, masksClearWithTheirReasonAndForce) {
    const CpuidMask masks[] = {
        {.word = FeatureWord::F7Ebx, .clear = uint64_t{1} << 5, .reason = "not for protected guests"},
        {.word = FeatureWord::K1Eax, .set = uint64_t{1} << 16, .reason = "conversions"}};
    const CpuidPolicy policy = policy_of("Haswell", full_host(true), masks);
    EXPECT_FALSE(has(policy, "avx2"));
    ASSERT_EQ(policy.missing.size(), 1u);
    EXPECT_EQ(policy.missing[0].reason, "not for protected guests");
    EXPECT_TRUE(policy.features.test(feature::kKvmMapGpaRange));
}

TEST(Resolve, msrsGoWithTheirCpuidBit) {
    const CpuidPolicy policy = policy_of("Cascadelake-Server-v2", full_host(true));
    ASSERT_EQ(policy.msrs().size(), 1u);
    EXPECT_EQ(policy.msrs()[0].first, kMsrArchCapabilities);
    EXPECT_NE(policy.msrs()[0].second, 0u);
    EXPECT_TRUE(policy_of("Cascadelake-Server-v2,-arch-capabilities", full_host(true)).msrs().empty());
    EXPECT_TRUE(policy_of("Cascadelake-Server-v2", full_host(false)).msrs().empty()) << "not on AMD";
}

// Laws, over every model and hosts of differing poverty.
TEST(Resolve, neverGivesWhatTheHostLacks) {
    uint64_t state = 1;
    const auto random = [&] {
        return state = state * 6364136223846793005u + 1442695040888963407u, state >> 20;
    };
    for (const CpuModelRow* row : cpu_model_rows()) {
        FeatureWords words;
        for (size_t i = 0; i < kFeatureWordCount; i++)
            words[static_cast<FeatureWord>(i)] =
                named_bits(static_cast<FeatureWord>(i)) & (random() | random());
        const HostCpu host = host_with(words, random() & 1);
        const FeatureWords available = host_features(host);
        const CpuidPolicy policy = policy_of(row->name, host);
        for (size_t i = 0; i < kFeatureWordCount; i++) {
            const FeatureWord word = static_cast<FeatureWord>(i);
            EXPECT_EQ(policy.features[word] & ~available[word], 0u) << row->name;
        }
    }
}

TEST(Resolve, askingForTheAnswerGivesTheAnswer) {
    const HostCpu host = host_without({"avx512f", "pku", "xsaves", "ibpb"}, true);
    for (const CpuModelRow* row : cpu_model_rows()) {
        CpuRequest request;
        request.model = row->name;
        auto first = resolve(request, host);
        ASSERT_TRUE(first) << row->name;
        for (std::string_view name : feature_names())
            request.features.push_back({std::string(name), has(*first, name)});
        request.enforce = true;
        auto second = resolve(request, host);
        ASSERT_TRUE(second) << row->name << ": " << second.error().message();
        EXPECT_EQ(first->features, second->features) << row->name;
        EXPECT_EQ(first->level, second->level) << row->name;
        EXPECT_TRUE(second->missing.empty()) << row->name;
    }
}

}  // namespace
}  // namespace vmm
