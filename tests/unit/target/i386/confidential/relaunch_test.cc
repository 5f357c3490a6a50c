// Guests whose processors cannot be reset get a new VM at each reset, and are launched in it again: on the
// model of the kernel, with the calls that the board makes. The new launch is whole and measures the same;
// the old VM's descriptors are gone; what fails is one line.
#include <gtest/gtest.h>

#include "tests/unit/target/i386/confidential/launch_world.h"

namespace vmm::sev {
namespace {

std::unique_ptr<ConfidentialGuest> guest_number(unsigned number) {
    return number == 0 ? plain_snp_guest() : sev_es_guest(number == 1 ? LegacyVm::On : LegacyVm::Off);
}
constexpr unsigned kGuests = 3;

TEST(Relaunch, MeasuresTheSameInANewVm) {
    for (unsigned number = 0; number < kGuests; ++number) {
        auto guest = guest_number(number);
        ASSERT_TRUE(guest->requirements().cannot_reset);
        LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
        world.vcpus = 2;
        world.make(std::move(guest));
        const Status first = world.launch();
        ASSERT_TRUE(first) << first.error().message();
        const std::string measured = world.measurement();
        const size_t operations = world.record.operations().size();
        const unsigned open = open_descriptors();
        ASSERT_FALSE(measured.empty());
        for (unsigned reset = 1; reset <= 3; ++reset) {
            const Status again = world.launch_again();
            ASSERT_TRUE(again) << number << ": " << again.error().message();
            EXPECT_EQ(world.measurement(), measured) << number;
            EXPECT_EQ(world.record.operations().size(), (reset + 1) * operations);
            EXPECT_EQ(open_descriptors(), open) << number;
            EXPECT_EQ(world.kernel.count(KVM_CREATE_VM), reset + 1);
        }
    }
}

// Who asks how far the launch is hears of each state in its order, and of all bytes in the end.
TEST(Relaunch, ProgressIsToldEachTime) {
    using State = LaunchState;
    for (unsigned number = 0; number < kGuests; ++number) {
        auto guest = guest_number(number);
        LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
        world.vcpus = 3;
        world.make(std::move(guest));
        LaunchProgress& progress = world.guest->progress();
        EXPECT_EQ(progress.state(), State::Waiting);
        std::vector<State> told;
        uint64_t least = UINT64_MAX;
        progress.set_watcher([&](State state) {
            told.push_back(state);
            if (state == State::Measuring) least = progress.bytes();
        });
        ASSERT_TRUE(world.launch());
        EXPECT_EQ(told, (std::vector{State::Processors, State::Measuring, State::Measured})) << number;
        EXPECT_EQ(progress.processors(), 3u);
        EXPECT_EQ(least, 0u);
        EXPECT_GE(progress.bytes(), 64u << 10);
        EXPECT_EQ(progress.bytes(), progress.total_bytes()) << number;
        const uint64_t whole = progress.bytes();
        told.clear();
        ASSERT_TRUE(world.launch_again());
        EXPECT_EQ(told, (std::vector{State::Started, State::Processors, State::Measuring, State::Measured}));
        EXPECT_EQ(progress.processors(), 3u);
        EXPECT_EQ(progress.bytes(), whole) << "counted anew";
        EXPECT_EQ(progress.total_bytes(), whole);
    }
}

TEST(Relaunch, ALaunchThatFailsSaysSo) {
    auto guest = guest_number(0);
    LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
    world.make(std::move(guest));
    ASSERT_TRUE(world.prepare_only());
    world.kernel.fail(abi::kMemoryEncryptOp, EIO, 2);
    ASSERT_FALSE(world.launch_only());
    LaunchProgress& progress = world.guest->progress();
    EXPECT_EQ(progress.state(), LaunchState::Failed);
    EXPECT_LT(progress.bytes(), progress.total_bytes());
}

TEST(Relaunch, EveryCallMayFail) {
    for (unsigned number = 0; number < kGuests; ++number) {
        auto first = guest_number(number);
        const uint32_t type = first->requirements().vm_type;
        LaunchWorld world("fw-give-64k.fd", type);
        world.make(std::move(first));
        ASSERT_TRUE(world.launch());
        const unsigned calls = world.kernel.count(abi::kMemoryEncryptOp);
        for (unsigned nth = 1; nth <= calls; ++nth) {
            const unsigned before = open_descriptors();
            {
                LaunchWorld own("fw-give-64k.fd", type);
                own.kernel.fail(abi::kMemoryEncryptOp, EBUSY, calls + nth);
                own.make(guest_number(number));
                ASSERT_TRUE(own.launch());
                const Status again = own.launch_again();
                ASSERT_FALSE(again) << number << " " << nth;
                const std::string text = again.error().message();
                EXPECT_EQ(text.find('\n'), std::string::npos);
                EXPECT_NE(text.find("KVM_SEV_"), std::string::npos) << text;
            }
            EXPECT_EQ(open_descriptors(), before);
        }
    }
}

}  // namespace
}  // namespace vmm::sev
