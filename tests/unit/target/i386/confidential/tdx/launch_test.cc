// Whole launches on the model of the kernel: the measurement that tools expect whatever the number of
// processors, the operations in their order, and every call failing once with each errno that it documents.
#include <gtest/gtest.h>

#include <fstream>

#include "qapi/json_parser.h"
#include "qapi/value.h"
#include "target/i386/confidential/tdx/cpuid_filter.h"
#include "target/i386/confidential/tdx/rtmr.h"
#include "tests/unit/target/i386/confidential/tdx/image_maker.h"
#include "tests/unit/target/i386/confidential/tdx/td_world.h"
#include "util/base64.h"

namespace vmm::tdx {
namespace {

std::vector<uint8_t> vector_firmware() {
    std::ifstream in(VECTORS_DIR "/fw-give-64k.fd", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

constexpr char kMrtd[] =
    "ba10895419d56cdaf0c200ce8cd26ef2b91ab5116c26bfcb40ed0fb516f95b26df98117448cbe7089dd4688b72377efa";
constexpr char kHobEvent[] =
    "1593d3793e63ba9ff44a73caf3346ddd29af679670ee0d472fe392b22c0fea633f7a76424b87b2d86e2e4c85e38dcac7";

TEST(TdLaunch, MeasuresAsToolsExpectForAnyNumberOfProcessors) {
    for (unsigned vcpus : {1u, 2u, 3u, 64u}) {
        TdWorld world(vector_firmware());
        const Status done = world.launch(vcpus);
        ASSERT_TRUE(done) << done.error().message();
        EXPECT_EQ(world.mrtd(), kMrtd) << vcpus;
        for (unsigned i = 0; i < vcpus; ++i)
            EXPECT_EQ(world.td().hob_of_vcpu(i), 0x809000u);
        EXPECT_EQ(world.td().pages().count(), 12u + 4 + 14 + 2 + 2 + 6);
        EXPECT_EQ(world.td().check_run(), 0);
    }
}

TEST(TdLaunch, AResetIsANewTdThatMeasuresTheSame) {
    TdWorld world(make_image().bytes);
    ASSERT_TRUE(world.launch(2));
    const std::string measured = world.mrtd();
    ASSERT_FALSE(measured.empty());
    for (unsigned reset = 1; reset <= 3; ++reset) {
        const Status again = world.launch_again();
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(world.mrtd(), measured);
        EXPECT_EQ(world.fake.count(KVM_CREATE_VM), reset + 1);
    }
}

TEST(TdLaunch, OperationsAreThoseOfTheTranscript) {
    TdWorld world(vector_firmware());
    ASSERT_TRUE(world.launch(2));
    std::ifstream in(VECTORS_DIR "/transcript-tdx-give.jsonl");
    std::string line;
    size_t i = 0;
    for (; std::getline(in, line); ++i) {
        const qapi::Value wanted = qapi::parse_json(line).take_value();
        ASSERT_LT(i, world.record.operations().size());
        const qapi::Value got = model::to_value(world.record.operations()[i]);
        for (const char* key : {"op", "gpa", "nr_pages", "measure"})
            EXPECT_EQ(*got.if_dict()->find(key), *wanted.if_dict()->find(key)) << i << key;
    }
    EXPECT_EQ(i, 6u);
    EXPECT_EQ(world.record.operations().size(), 6u);
    EXPECT_EQ(world.record.operations()[0].source, "fw.fd");
    EXPECT_EQ(world.record.operations()[0].offset, 0x4000u);
    EXPECT_EQ(world.record.operations()[4].source, "td-hob");
    EXPECT_EQ(world.record.operations()[3].source, "");
}

TEST(TdLaunch, DescribesWhatTheFirmwareWillMeasure) {
    TdWorld world(vector_firmware());
    ASSERT_TRUE(world.launch(1));
    qapi::Dict out;
    world.guest->describe_launch(out);
    const qapi::List& events = *out.find("rtmr0-events")->if_list();
    ASSERT_EQ(events.size(), 8u);
    EXPECT_EQ(*events[0].if_dict()->find("sha384")->if_string(), kHobEvent);
    EXPECT_EQ(out.find("attributes")->as_u64(), uint64_t{1} << 28);
    EXPECT_EQ(out.find("rtmr1-events"), nullptr);
}

TEST(TdLaunch, ParametersReachTheModule) {
    TdWorld world(vector_firmware());
    world.config.td.mrowner = std::string(62, 'A') + "AB";
    world.config.td.debug = true;
    ASSERT_TRUE(world.launch(1));
    const abi::TdxInitVm& head = world.td().parameters();
    EXPECT_EQ(head.attributes, abi::kTdAttributeSeptVeDisable | abi::kTdAttributeDebug);
    EXPECT_EQ(head.xfam, 7u);
    EXPECT_EQ(head.mrowner[5], uint64_t{1} << 56);
    EXPECT_EQ(head.mrconfigid[0], 0u);
    // Only leaves that can be configured, and the width of addresses.
    ASSERT_EQ(world.td().configured().size(), 2u);
    EXPECT_EQ(world.td().configured()[1].eax, 52u << 16);
    EXPECT_EQ(world.fake.enabled_caps.at(237), 40u);
    EXPECT_TRUE(world.fake.vcpu(0).msrs.empty());
    EXPECT_TRUE(world.fake.vcpu(0).state.empty());
}

TEST(TdLaunch, WhoseTdItIsReachesTheModuleByteForByte) {
    TdWorld world(vector_firmware());
    std::vector<uint8_t> owner[3];
    std::optional<std::string>* const given[] = {&world.config.td.mrconfigid, &world.config.td.mrowner,
                                                 &world.config.td.mrownerconfig};
    for (unsigned i = 0; i < 3; ++i) {
        for (unsigned byte = 0; byte < 48; ++byte)
            owner[i].push_back(static_cast<uint8_t>(i * 0x40 + byte + 1));
        *given[i] = to_base64(owner[i]);
    }
    ASSERT_TRUE(world.launch(1));
    const abi::TdxInitVm& head = world.td().parameters();
    EXPECT_EQ(std::memcmp(head.mrconfigid, owner[0].data(), 48), 0);
    EXPECT_EQ(std::memcmp(head.mrowner, owner[1].data(), 48), 0);
    EXPECT_EQ(std::memcmp(head.mrownerconfig, owner[2].data(), 48), 0);
    EXPECT_EQ(world.mrtd(), kMrtd) << "no part of what is measured";
}

TEST(TdLaunch, InterruptedRegionsGoOnWhereTheyStopped) {
    for (uint64_t pages : {1u, 3u, 11u}) {
        TdWorld world(vector_firmware());
        world.host.pages_per_call = pages;
        ASSERT_TRUE(world.launch(1)) << pages;
        EXPECT_EQ(world.mrtd(), kMrtd) << pages;
    }
}

TEST(TdLaunch, LongListsOfLeavesAreAskedForAgain) {
    TdWorld world(vector_firmware());
    for (uint32_t i = 0; i < 100; ++i) {
        kvm_cpuid_entry2 entry{};
        entry.function = 0x20000000 + i;
        world.host.configurable.push_back(entry);
    }
    ASSERT_TRUE(world.launch(1));
    EXPECT_EQ(world.guest->capabilities().configurable.entries().size(), world.host.configurable.size());
}

TEST(TdLaunch, PagesLeftToTheGuestAreNotAdded) {
    std::vector<TdvfSection> sections = default_sections();
    sections.push_back({0, 0, 0x1000000, 0x2000, TdvfType::PermMem, kTdvfPageAug});
    TdWorld world(make_image(sections).bytes);
    ASSERT_TRUE(world.launch(1));
    EXPECT_FALSE(world.td().pages().contains(0x1000000));
}

TEST(TdLaunch, ShimGetsItsKernelInMemory) {
    std::vector<TdvfSection> sections = default_sections();
    sections.push_back({0, 0, 0x2000000, 0x2000, TdvfType::Payload, kTdvfExtend});
    sections.push_back({0, 0, 0x3000000, 0x1000, TdvfType::PayloadParam, 0});
    const std::vector<uint8_t> kernel(0x1800, 0x42), large(0x2001), disk(16);
    {
        TdWorld world(make_image(sections).bytes);
        world.kernel = LaunchKernel{kernel, {}, "quiet"};
        ASSERT_TRUE(world.launch(1));
        EXPECT_EQ(world.record.operations()[5].source, "kernel");
        EXPECT_EQ(world.record.operations()[6].source, "command line");
    }
    TdWorld too_large(make_image(sections).bytes);
    too_large.kernel = LaunchKernel{large, {}, ""};
    EXPECT_NE(too_large.launch(1).error().text().find("do not fit"), std::string::npos);
    TdWorld with_disk(make_image(sections).bytes);
    with_disk.kernel = LaunchKernel{kernel, disk, ""};
    EXPECT_NE(with_disk.launch(1).error().text().find("initial RAM disk"), std::string::npos);
}

TEST(TdLaunch, FirmwareElsewhereIsRefused) {
    std::vector<TdvfSection> sections = default_sections();
    sections[0].gpa = 0x4000000;
    TdWorld world(make_image(sections).bytes);
    const Status done = world.launch(1);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().text().find("does not lie where the image is"), std::string::npos);
    TdWorld plain(std::vector<uint8_t>(65536));
    EXPECT_NE(plain.launch(1).error().text().find("firmware 'fw.fd': it has no TDX metadata"),
              std::string::npos);
}

TEST(TdLaunch, ProcessorsMustBeTheHosts) {
    TdWorld world(vector_firmware());
    world.cpu.model = "EPYC";
    EXPECT_NE(world.launch(1).error().text().find("-cpu EPYC contradicts tdx0"), std::string::npos);
}

TEST(TdLaunch, OnlyFeaturesAskedForByNameAreMissed) {
    const FeatureBit sgx{FeatureWord::F7Ebx, 2}, vmx = feature::kVmx;
    TdWorld world(vector_firmware());
    world.cpu.features = {{"vmx", true}, {"sgx", false}};
    world.policy.missing = {{sgx, kTdxLacks}, {vmx, kTdxLacks}, {sgx, "another reason"}};
    ASSERT_TRUE(world.launch(1));
    ASSERT_EQ(world.policy.missing.size(), 2u);
    EXPECT_EQ(world.policy.missing[0].at, vmx);
    EXPECT_EQ(world.policy.missing[1].reason, "another reason");
    TdWorld strict(vector_firmware());
    strict.cpu.enforce = true;
    strict.policy.missing = {{sgx, kTdxLacks}};
    EXPECT_TRUE(strict.launch(1));
    TdWorld named(vector_firmware());
    named.cpu.enforce = true;
    named.cpu.features = {{"vmx", true}};
    named.policy.missing = {{vmx, kTdxLacks}};
    EXPECT_NE(named.launch(1).error().text().find("-cpu enforce: TDX does not support"), std::string::npos);
}

// Each call of a launch with one vCPU, in order, and what the kernel documents for it.
struct Fault {
    const char* name;
    unsigned nth;  // of KVM_MEMORY_ENCRYPT_OP
    int number;
    bool survived;
};

constexpr Fault kFaults[] = {
    {"KVM_TDX_CAPABILITIES", 1, EINVAL, false},    {"KVM_TDX_CAPABILITIES", 1, EFAULT, false},
    {"KVM_TDX_CAPABILITIES", 1, ENOMEM, false},    {"KVM_TDX_CAPABILITIES", 1, EIO, false},
    {"KVM_TDX_CAPABILITIES", 1, E2BIG, true},      {"KVM_TDX_CAPABILITIES", 1, EINTR, true},
    {"KVM_TDX_INIT_VM", 2, EINVAL, false},         {"KVM_TDX_INIT_VM", 2, EBUSY, false},
    {"KVM_TDX_INIT_VM", 2, E2BIG, false},          {"KVM_TDX_INIT_VM", 2, ENOSPC, false},
    {"KVM_TDX_INIT_VM", 2, ENOMEM, false},         {"KVM_TDX_INIT_VM", 2, EIO, false},
    {"KVM_TDX_INIT_VM", 2, EFAULT, false},         {"KVM_TDX_INIT_VM", 2, EAGAIN, true},
    {"KVM_TDX_INIT_VM", 2, EINTR, true},           {"KVM_TDX_GET_CPUID", 3, EINVAL, false},
    {"KVM_TDX_GET_CPUID", 3, EFAULT, false},       {"KVM_TDX_GET_CPUID", 3, E2BIG, true},
    {"KVM_TDX_INIT_VCPU", 4, EINVAL, false},       {"KVM_TDX_INIT_VCPU", 4, EIO, false},
    {"KVM_TDX_INIT_VCPU", 4, ENOMEM, false},       {"KVM_TDX_INIT_MEM_REGION", 5, EINVAL, false},
    {"KVM_TDX_INIT_MEM_REGION", 5, EEXIST, false}, {"KVM_TDX_INIT_MEM_REGION", 6, EFAULT, false},
    {"KVM_TDX_INIT_MEM_REGION", 7, EIO, false},    {"KVM_TDX_INIT_MEM_REGION", 10, ENOMEM, false},
    {"KVM_TDX_INIT_MEM_REGION", 5, EAGAIN, true},  {"KVM_TDX_INIT_MEM_REGION", 8, EINTR, true},
    {"KVM_TDX_FINALIZE_VM", 11, EINVAL, false},    {"KVM_TDX_FINALIZE_VM", 11, EIO, false},
};

class TdFault : public testing::TestWithParam<Fault> {};

TEST_P(TdFault, GivesOneLineOrIsOvercome) {
    const Fault& fault = GetParam();
    TdWorld world(vector_firmware());
    world.fake.fail(abi::kMemoryEncryptOp, fault.number, fault.nth);
    const Status done = world.launch(1);
    EXPECT_FALSE(world.fake.failure_pending());
    if (fault.survived) {
        ASSERT_TRUE(done) << done.error().message();
        EXPECT_EQ(world.mrtd(), kMrtd);
        return;
    }
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().text().find(fault.name), std::string::npos) << done.error().text();
    EXPECT_NE(done.error().text().find(strerrordesc_np(fault.number)), std::string::npos);
    EXPECT_NE(done.error().text().find("tdx0"), std::string::npos) << done.error().text();
    EXPECT_EQ(done.error().message().find('\n'), std::string::npos);
    EXPECT_EQ(world.mrtd(), "");
}

std::string name_of(const testing::TestParamInfo<Fault>& row) {
    return std::string(row.param.name) + "_" + strerrorname_np(row.param.number) + "_" +
           std::to_string(row.param.nth);
}
INSTANTIATE_TEST_SUITE_P(Calls, TdFault, testing::ValuesIn(kFaults), name_of);

auto td_faults() {
    return LaunchFaults([] { return std::make_unique<TdSubject>(make_image().bytes); });
}

// Each call with each of these, documented or not: one line, and nothing is left open.
TEST(TdLaunch, EveryCallMayFail) {
    auto faults = td_faults();
    ASSERT_GT(faults.count(abi::kMemoryEncryptOp), 8u);
    constexpr int kErrors[] = {EINVAL, EIO,    EFAULT, ENOTTY, EBUSY,     ENOMEM,
                               EPERM,  EEXIST, ENODEV, ENOSPC, EOPNOTSUPP};
    faults.each_call(abi::kMemoryEncryptOp, kErrors, "tdx0");
    EXPECT_EQ(faults.survived(), 0u);
    faults.print("TDX, launch commands");
}

TEST(TdLaunch, EveryOtherCallMayFailToo) {
    auto faults = td_faults();
    constexpr int kErrors[] = {EINVAL, ENOMEM, EIO, EEXIST};
    faults.each_call(0, kErrors, "");
    EXPECT_GT(faults.refused(), faults.survived());
    faults.print("TDX, all calls");
}

TEST(TdLaunch, InterruptedCallsAreRepeated) {
    auto faults = td_faults();
    constexpr int kErrors[] = {EINTR};
    faults.each_call(abi::kMemoryEncryptOp, kErrors, "");
    EXPECT_EQ(faults.refused(), 0u);
    faults.print("TDX, launch commands asked again");
}

TEST(TdLaunch, WhatTheHostLacksIsNamed) {
    TdWorld world(vector_firmware());
    world.host.attributes = 0;
    const Status done = world.launch(1);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().text().find("does not have sept-ve-disable"), std::string::npos);
}

}  // namespace
}  // namespace vmm::tdx
