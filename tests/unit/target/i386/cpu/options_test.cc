// -cpu text: what each part sets, the order of + and -, and the one line each mistake gets.
#include "target/i386/cpu/options.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

CpuRequest parsed(std::string_view text) {
    auto request = parse_cpu_option(text);
    EXPECT_TRUE(request) << text << ": " << (request ? "" : request.error().message());
    return request ? std::move(request).take_value() : CpuRequest{};
}

std::string refusal(std::string_view text) {
    auto request = parse_cpu_option(text);
    return request ? "accepted" : request.error().message();
}

TEST(CpuOptions, absentIsQemu64) {
    EXPECT_EQ(CpuRequest{}.model, "qemu64");
    EXPECT_TRUE(CpuRequest{}.check);
}

TEST(CpuOptions, properties) {
    const CpuRequest r = parsed(
        "EPYC,family=25,model=0x11,stepping=3,vendor=GenuineIntel,model-id=My CPU,level=0x10,min-level=7,"
        "xlevel=0x8000001f,min-xlevel=0x80000008,phys-bits=46,host-phys-bits=off,host-phys-bits-limit=48,"
        "tsc-frequency=2500000000,pmu=on,kvm=off,enforce,check=off,l3-cache=off,legacy-cache=on,host-cache-"
        "info=on");
    EXPECT_EQ(r.model, "EPYC");
    EXPECT_EQ(r.family, 25u);
    EXPECT_EQ(r.model_number, 0x11u);
    EXPECT_EQ(r.stepping, 3u);
    EXPECT_EQ(r.vendor, "GenuineIntel");
    EXPECT_EQ(r.model_id, "My CPU");
    EXPECT_EQ(r.level, 0x10u);
    EXPECT_EQ(r.min_level, 7u);
    EXPECT_EQ(r.xlevel, 0x8000001fu);
    EXPECT_EQ(r.min_xlevel, 0x80000008u);
    EXPECT_EQ(r.phys_bits, 46u);
    EXPECT_EQ(r.host_phys_bits, false);
    EXPECT_EQ(r.host_phys_bits_limit, 48u);
    EXPECT_EQ(r.tsc_frequency, 2500000000u);
    EXPECT_EQ(r.pmu, true);
    EXPECT_FALSE(r.kvm);
    EXPECT_TRUE(r.enforce);
    EXPECT_FALSE(r.check);
    EXPECT_FALSE(r.l3_cache);
    EXPECT_EQ(r.legacy_cache, true);
    EXPECT_TRUE(r.host_cache_info);
}

TEST(CpuOptions, tscFrequencyTakesDecimalSuffixes) {
    EXPECT_EQ(parsed("base,tsc-frequency=3G").tsc_frequency, 3000000000u);
    EXPECT_EQ(parsed("base,tsc_frequency=2400M").tsc_frequency, 2400000000u);
}

TEST(CpuOptions, minusBeatsPlusBeatsNamed) {
    const CpuRequest r = parsed("base,-avx,+avx,avx=on,+aes,sse4_2");
    ASSERT_EQ(r.features.size(), 5u);
    EXPECT_EQ(r.features[0].name, "avx");
    EXPECT_EQ(r.features[1].name, "sse4-2");
    EXPECT_TRUE(r.features[1].on);
    EXPECT_TRUE(r.features[2].on);
    EXPECT_EQ(r.features[4].name, "avx");
    EXPECT_FALSE(r.features[4].on);
}

TEST(CpuOptions, underscoresAreDashes) {
    EXPECT_EQ(parsed("host,host_phys_bits=on").host_phys_bits, true);
    EXPECT_EQ(parsed("host,+kvm_pv_eoi").features[0].name, "kvm-pv-eoi");
}

TEST(CpuOptions, mistakesAreNamed) {
    EXPECT_EQ(refusal("EPYC,avx513f=on"), "CPU property 'avx513f' is not known; did you mean 'avx512f'?");
    EXPECT_EQ(refusal("EPYC,+avx513f"), "CPU property 'avx513f' is not known; did you mean 'avx512f'?");
    EXPECT_EQ(refusal("EPYC,qqqqqqqqqqqq"),
              "CPU property 'qqqqqqqqqqqq' is not known (-cpu help lists the features)");
    EXPECT_EQ(refusal("EPYC,avx=maybe"), "CPU property 'avx' is 'on' or 'off', not 'maybe'");
    EXPECT_EQ(refusal("EPYC,family=x"), "CPU property 'family' is a number, not 'x'");
    EXPECT_EQ(refusal("EPYC,stepping=16"), "CPU property 'stepping' is at most 15, not 16");
    EXPECT_EQ(refusal("EPYC,phys-bits"), "CPU property 'phys-bits' needs a value");
    EXPECT_EQ(refusal("EPYC,vendor=Intel"), "CPU property 'vendor' has 12 characters ('Intel' has 5)");
    EXPECT_NE(refusal("EPYC,,avx").find("empty part"), std::string::npos);
    EXPECT_NE(refusal("").find("needs a model name"), std::string::npos);
    EXPECT_NE(refusal("EPYC,+").find("''"), std::string::npos);
}

TEST(CpuOptions, refusedFeaturesMayBeOff) {
    EXPECT_EQ(refusal("host,hv-relaxed=on"),
              "CPU property 'hv-relaxed': Hyper-V enlightenments are not offered");
    EXPECT_EQ(refusal("host,hv_time"), "CPU property 'hv-time': Hyper-V enlightenments are not offered");
    EXPECT_TRUE(parsed("host,hv-relaxed=off,vmx-ept=off,sgx=off").features.empty());
    EXPECT_NE(refusal("host,+vmx-ept").find("nested VMX"), std::string::npos);
    EXPECT_EQ(parsed("host,+vmx").features[0].name, "vmx");
}

}  // namespace
}  // namespace vmm
