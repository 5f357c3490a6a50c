// -expect-measurement as the process sees it: the guest whose measurement is another one does not start, the
// process says what was measured in one line and ends with status 1; another failure keeps its own words.
#include <gtest/gtest.h>

#include "system/control/startup/confidential_guests.h"
#include "system/control/startup/launch_plan.h"
#include "tests/unit/target/i386/confidential/launch_world.h"

namespace vmm {
namespace {

std::string measured(std::unique_ptr<ConfidentialGuest> guest) {
    LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
    world.make(std::move(guest));
    EXPECT_TRUE(world.launch());
    return world.measurement();
}

// SNP's digest is known when the launch ends: the guest was about to run.
TEST(LaunchGuard, AnotherMeasurementEndsTheProcess) {
    const std::string right = measured(plain_snp_guest());
    for (const bool expected : {true, false}) {
        std::vector<uint8_t> value = *from_hex(right);
        if (!expected) value[3] = static_cast<uint8_t>(value[3] ^ 0x80);
        LaunchWorld world("fw-give-64k.fd", abi::kVmSnp);
        LaunchGuard guard(world.kernel, value);
        world.door = &guard.door();
        world.make(plain_snp_guest());
        ASSERT_TRUE(world.prepare_only());
        ASSERT_TRUE(world.launch_only());
        LaunchFinisher finisher(*world.guest, world.requests, &guard);
        testing::internal::CaptureStderr();
        finisher.run_changed(true, RunState::Running);
        finisher.run_changed(true, RunState::Running);
        const std::string said = testing::internal::GetCapturedStderr();
        if (expected) {
            EXPECT_EQ(said, "");
            EXPECT_TRUE(world.requests.exits.empty());
            EXPECT_EQ(world.measurement(), right);
            continue;
        }
        EXPECT_NE(said.find("the guest was not started: its launch-digest is " + right +
                            ", not what -expect-measurement says"),
                  std::string::npos)
            << said;
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
        EXPECT_EQ(world.requests.exits, std::vector<int>{1});
        EXPECT_EQ(world.guest->progress().state(), LaunchState::Failed);
        EXPECT_EQ(world.measurement(), "") << "the kernel was not asked to end it";
    }
}

// SEV's is known before secrets could be given.
TEST(LaunchGuard, AnotherMeasurementStopsTheStart) {
    const std::string right = measured(sev_es_guest());
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    LaunchGuard guard(world.kernel, std::vector<uint8_t>(32));
    world.door = &guard.door();
    world.make(sev_es_guest());
    ASSERT_TRUE(world.prepare_only());
    Status launched = world.launch_only();
    ASSERT_FALSE(launched);
    EXPECT_EQ(
        guard.explain(std::move(launched).take_error()).text(),
        "the guest was not started: its sev-digest is " + right + ", not what -expect-measurement says");
    EXPECT_EQ(static_cast<sev::SevGuest&>(*world.guest).info().state, sev::SevGuest::State::LaunchUpdate);
}

TEST(LaunchGuard, OtherFailuresKeepTheirWords) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmSnp);
    LaunchGuard guard(world.kernel, *from_hex(measured(plain_snp_guest())));
    world.door = &guard.door();
    world.make(plain_snp_guest());
    ASSERT_TRUE(world.prepare_only());
    world.kernel.fail(abi::kMemoryEncryptOp, EIO);
    Status launched = world.launch_only();
    ASSERT_FALSE(launched);
    const std::string words = launched.error().message();
    EXPECT_EQ(guard.explain(std::move(launched).take_error()).message(), words);
    EXPECT_NE(words.find("KVM_SEV_SNP_LAUNCH_UPDATE"), std::string::npos) << words;
}

}  // namespace
}  // namespace vmm
