// A TD's launch that is watched: the expected MRTD lets it end, another one does not; so in a new TD after a
// reset; calls that the kernel wants again change nothing.
#include <gtest/gtest.h>

#include "accel/model/witness.h"
#include "target/i386/confidential/model/protections.h"
#include "tests/unit/target/i386/confidential/tdx/image_maker.h"
#include "tests/unit/target/i386/confidential/tdx/td_world.h"

namespace vmm::tdx {
namespace {

// The second model, which looks on.
struct Watch {
    Watch(TdWorld& world, std::vector<uint8_t> expected) : witness(world.fake, model, std::move(expected)) {
        model.vm_types = 0x3f;
        model.knows_any_msr = true;
        model::add_protections(model, firmware, nullptr);
        world.door = &witness;
    }
    model::SevFirmware firmware;
    model::KernelModel model;
    model::Witness witness;
};

std::vector<uint8_t> measured() {
    TdWorld world(make_image().bytes);
    const Status done = world.launch(2);
    EXPECT_TRUE(done) << done.error().message();
    return *from_hex(world.mrtd());
}

TEST(TdWitness, TheExpectedLaunchEndsAndSoDoThoseOfResets) {
    TdWorld world(make_image().bytes);
    Watch watch(world, measured());
    const Status done = world.launch(2);
    ASSERT_TRUE(done) << done.error().message();
    for (int reset = 0; reset < 2; ++reset) {
        const Status again = world.launch_again();
        ASSERT_TRUE(again) << again.error().message();
    }
    EXPECT_FALSE(watch.witness.mismatch());
}

TEST(TdWitness, AnotherOneDoesNot) {
    std::vector<uint8_t> wrong = measured();
    const std::string right = to_hex(wrong);
    wrong[0] = static_cast<uint8_t>(wrong[0] ^ 1);
    TdWorld world(make_image().bytes);
    Watch watch(world, wrong);
    ASSERT_FALSE(world.launch(2));
    EXPECT_EQ(world.mrtd(), "") << "the kernel was not asked to end it";
    ASSERT_TRUE(watch.witness.mismatch());
    EXPECT_EQ(to_hex(watch.witness.mismatch()->value), right);
}

TEST(TdWitness, ARepeatedCallIsMeasuredOnce) {
    const std::vector<uint8_t> expected = measured();
    unsigned calls = 0, went_on = 0;
    {
        TdWorld world(make_image().bytes);
        ASSERT_TRUE(world.launch(2));
        calls = world.fake.count(abi::kMemoryEncryptOp);
    }
    for (const int number : {EAGAIN, EINTR})
        for (unsigned nth = 1; nth <= calls; ++nth) {
            TdWorld world(make_image().bytes);
            Watch watch(world, expected);
            world.fake.fail(abi::kMemoryEncryptOp, number, nth);
            const Status done = world.launch(2);
            EXPECT_FALSE(watch.witness.mismatch()) << number << " at call " << nth;
            // Not every command is asked again after EAGAIN.
            if (number == EINTR) {
                EXPECT_TRUE(done) << "call " << nth;
            }
            went_on += done ? 1 : 0;
        }
    EXPECT_GT(went_on, calls) << "some of those that saw EAGAIN, too";
}

}  // namespace
}  // namespace vmm::tdx
