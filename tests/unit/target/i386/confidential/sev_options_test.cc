// What the user says of an SEV or SEV-ES guest reaches the kernel as it is: the owner's session and key,
// handle and policy in LAUNCH_START, the secure processor's device; and what contradicts the host is named.
#include <gtest/gtest.h>

#include <fstream>

#include "target/i386/confidential/sev/platform.h"
#include "target/i386/confidential/sev/sev_guest.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/unit/target/i386/confidential/launch_world.h"
#include "util/base64.h"

namespace vmm::sev {
namespace {

class SevOptions : public testing::Test {
  protected:
    SevOptions() {
        config.common.id = "sev0";
        config.common.reduced_phys_bits = 1;
    }
    static void write(const std::string& path, const std::string& text) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    }
    // Empty: it was launched.
    std::string launch(LaunchWorld& world) {
        world.make(SevGuest::create(config).take_value());
        const Status done = world.launch();
        return done ? "" : done.error().message();
    }

    SevConfig config;
    TemporaryFolder folder;
    const std::string dh = folder / "dh", session = folder / "session";
};

std::vector<uint8_t> counted(size_t size, uint8_t first) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<uint8_t>(first + i * 7);
    return bytes;
}

TEST_F(SevOptions, WhatTheOwnerSaysReachesTheKernelByteForByte) {
    // The sizes of AMD's certificate and session structure.
    const std::vector<uint8_t> certificate = counted(2084, 3), blob = counted(128, 0x80);
    write(dh, to_base64(certificate) + "\n");
    write(session, to_base64(blob));
    config.dh_cert_file = dh;
    config.session_file = session;
    config.handle = 0x1234;
    config.common.device = "/dev/sev-of-the-test";
    for (const uint32_t policy : {3u, 0x1000005u}) {
        config.policy = policy;
        LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
        ASSERT_EQ(launch(world), "");
        const auto& model = static_cast<model::SevModel&>(*world.kernel.protection());
        EXPECT_EQ(model.dh_certificate(), certificate);
        EXPECT_EQ(model.session(), blob);
        EXPECT_EQ(model.start_arguments().handle, 0x1234u);
        EXPECT_EQ(model.start_arguments().policy, policy);
        EXPECT_EQ(world.kernel.opened_devices.back(), "/dev/sev-of-the-test");
    }
}

TEST_F(SevOptions, WithoutASessionNoneIsNamed) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    ASSERT_EQ(launch(world), "");
    const abi::SevLaunchStart& start =
        static_cast<model::SevModel&>(*world.kernel.protection()).start_arguments();
    EXPECT_EQ(start.dh_address | start.session_address | start.dh_length | start.session_length, 0u);
    EXPECT_EQ(start.handle, 0u);
    EXPECT_EQ(start.policy, kDefaultSevPolicy);
    EXPECT_EQ(world.kernel.opened_devices.back(), "/dev/sev");
}

TEST_F(SevOptions, FilesThatCannotBeReadAreNamed) {
    struct Row {
        std::string SevConfig::*file;
        const char* name;
    };
    for (const Row& row :
         {Row{&SevConfig::dh_cert_file, "dh-cert-file"}, {&SevConfig::session_file, "session-file"}}) {
        config.dh_cert_file = config.session_file = "";
        config.*row.file = dh;
        std::filesystem::remove(dh);
        LaunchWorld missing("fw-give-64k.fd", abi::kVmDefault), broken("fw-give-64k.fd", abi::kVmDefault);
        const std::string absent = launch(missing);
        EXPECT_NE(absent.find(row.name), std::string::npos) << absent;
        EXPECT_NE(absent.find(dh), std::string::npos) << absent;
        write(dh, "this is not base64!");
        const std::string bad = launch(broken);
        EXPECT_NE(bad.find(row.name), std::string::npos) << bad;
        EXPECT_NE(bad.find(dh), std::string::npos) << bad;
        EXPECT_EQ(missing.kernel.count(abi::kMemoryEncryptOp) + broken.kernel.count(abi::kMemoryEncryptOp),
                  0u);
    }
}

TEST_F(SevOptions, ADeviceThatIsNotThereIsNamed) {
    SystemIoctlDoor door;
    const auto device = Device::open(door, "/nowhere/sev");
    ASSERT_FALSE(device);
    const std::string said = device.error().message();
    EXPECT_NE(said.find("could not open sev-device '/nowhere/sev'"), std::string::npos) << said;
    EXPECT_NE(said.find("AMD EPYC"), std::string::npos) << said;
}

TEST_F(SevOptions, TheEncryptionBitIsTheHosts) {
    EXPECT_EQ(check_cbit("sev0", std::nullopt, 51).take_value(), 51u);
    EXPECT_EQ(check_cbit("sev0", 47, 47).take_value(), 47u);
    const auto other = check_cbit("sev0", 47, 51);
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message().find("sev0: cbitpos check failed, host '51' requested '47'"),
              std::string::npos);
    EXPECT_NE(other.error().message().find("leave cbitpos out"), std::string::npos);
    const auto none = check_cbit("sev0", 51, std::nullopt);
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message().find("sev0: this processor has no SEV"), std::string::npos);
}

// Where there is no host to ask, the guest is shown what the user says.
TEST_F(SevOptions, TheEncryptionBitIsShownToTheGuest) {
    for (const uint32_t bit : {47u, 51u}) {
        config.common.cbitpos = bit;
        config.common.reduced_phys_bits = 5;
        config.policy = 5;
        auto guest = SevGuest::create(config).take_value();
        CpuidPolicy policy;
        HostCpu host;
        host.planned = true;
        ASSERT_TRUE(guest->check_cpuid(policy, host));
        ASSERT_EQ(policy.more_leaves.size(), 1u);
        EXPECT_EQ(policy.more_leaves[0].function, 0x8000001fu);
        EXPECT_EQ(policy.more_leaves[0].ebx, bit | 5u << 6);
        EXPECT_EQ(policy.more_leaves[0].eax, 1u << 1 | 1u << 3) << "SEV and SEV-ES";
    }
}

}  // namespace
}  // namespace vmm::sev
