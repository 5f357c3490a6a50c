// A launch that is watched: the expected measurement lets it end, another one does not, and the kernel is
// never asked to end it then.
#include "accel/model/witness.h"

#include <gtest/gtest.h>

#include "tests/unit/target/i386/confidential/launch_world.h"

namespace vmm {
namespace {

struct Kind {
    uint32_t vm_type;
    std::unique_ptr<ConfidentialGuest> (*make)();
};
constexpr Kind kKinds[] = {{abi::kVmSnp, plain_snp_guest}, {abi::kVmDefault, [] { return sev_es_guest(); }}};

// The second model, which looks on.
struct Watch {
    Watch() {
        model.vm_types = 0x3f;
        model.knows_any_msr = true;
        model::add_protections(model, firmware, nullptr);
    }
    void look_at(LaunchWorld& world, std::vector<uint8_t> expected) {
        witness = std::make_unique<model::Witness>(world.kernel, model, std::move(expected));
        world.door = witness.get();
    }
    model::SevFirmware firmware;
    model::KernelModel model;
    std::unique_ptr<model::Witness> witness;
};

TEST(Witness, TheExpectedLaunchEnds) {
    for (const Kind& kind : kKinds) {
        LaunchWorld plain("fw-give-64k.fd", kind.vm_type);
        plain.vcpus = 2;
        plain.make(kind.make());
        ASSERT_TRUE(plain.launch());
        for (const uint64_t pages_at_once : {0, 3}) {
            Watch watch;
            LaunchWorld world("fw-give-64k.fd", kind.vm_type);
            world.vcpus = 2;
            world.firmware_model.pages_at_once = pages_at_once;
            watch.look_at(world, *from_hex(plain.measurement()));
            world.make(kind.make());
            const Status launched = world.launch();
            ASSERT_TRUE(launched) << launched.error().message();
            EXPECT_EQ(world.measurement(), plain.measurement());
            EXPECT_FALSE(watch.witness->mismatch());
        }
    }
}

TEST(Witness, AnotherOneDoesNot) {
    for (const Kind& kind : kKinds) {
        LaunchWorld plain("fw-give-64k.fd", kind.vm_type);
        plain.make(kind.make());
        ASSERT_TRUE(plain.launch());
        std::vector<uint8_t> wrong = *from_hex(plain.measurement());
        wrong[0] = static_cast<uint8_t>(wrong[0] ^ 1);
        Watch watch;
        LaunchWorld world("fw-give-64k.fd", kind.vm_type);
        watch.look_at(world, wrong);
        world.make(kind.make());
        const Status launched = world.launch();
        ASSERT_FALSE(launched);
        EXPECT_EQ(world.measurement(), "") << "the kernel was not asked to end it";
        ASSERT_TRUE(watch.witness->mismatch());
        EXPECT_EQ(to_hex(watch.witness->mismatch()->value), plain.measurement());
    }
}

// A call that the kernel wants again is one call, of which the measurement knows once.
TEST(Witness, ARepeatedCallIsMeasuredOnce) {
    for (const Kind& kind : kKinds) {
        LaunchWorld plain("fw-give-64k.fd", kind.vm_type);
        plain.vcpus = 2;
        plain.make(kind.make());
        ASSERT_TRUE(plain.launch());
        const unsigned calls = plain.kernel.count(abi::kMemoryEncryptOp);
        for (const int number : {EAGAIN, EINTR})
            for (unsigned nth = 1; nth <= calls; ++nth) {
                Watch watch;
                LaunchWorld world("fw-give-64k.fd", kind.vm_type);
                world.vcpus = 2;
                watch.look_at(world, *from_hex(plain.measurement()));
                world.make(kind.make());
                world.kernel.fail(abi::kMemoryEncryptOp, number, nth);
                const Status launched = world.launch();
                ASSERT_TRUE(launched) << nth << ": " << launched.error().message();
                EXPECT_EQ(world.measurement(), plain.measurement());
            }
    }
}

// The same data twice are two calls when the kernel took the first.
TEST(Witness, TheSameDataTwiceAreMeasuredTwice) {
    sev::SevConfig config;
    config.common.id = "sev0";
    config.common.reduced_phys_bits = 1;
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    Watch watch;
    watch.look_at(world, std::vector<uint8_t>(32));
    world.make(sev::SevGuest::create(config).take_value());
    ASSERT_TRUE(world.prepare_only());
    sev::Commands commands(*world.vm, -1);
    std::vector<uint8_t> bytes(64);
    abi::SevBuffer buffer{};
    buffer.address = reinterpret_cast<uintptr_t>(bytes.data());
    buffer.length = 64;
    ASSERT_TRUE(commands.call(abi::SevCommand::LaunchUpdateData, &buffer));
    ASSERT_TRUE(commands.call(abi::SevCommand::LaunchUpdateData, &buffer));
    bytes.resize(128);
    EXPECT_EQ(to_hex(static_cast<model::SevModel&>(*watch.model.protection()).measure_inputs().launch_digest),
              to_hex(sha256(bytes)));
}

// Every VM is judged, not only the first: a reset launches in a new one.
TEST(Witness, TheLaunchOfAResetIsJudgedToo) {
    for (const Kind& kind : kKinds) {
        LaunchWorld plain("fw-give-64k.fd", kind.vm_type);
        plain.make(kind.make());
        ASSERT_TRUE(plain.launch());
        Watch watch;
        LaunchWorld world("fw-give-64k.fd", kind.vm_type);
        watch.look_at(world, *from_hex(plain.measurement()));
        world.make(kind.make());
        ASSERT_TRUE(world.launch());
        const Status again = world.launch_again();
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(world.measurement(), plain.measurement());
        // Whoever changes the firmware between two resets is seen.
        world.bios->bytes()[0] = static_cast<uint8_t>(world.bios->bytes()[0] ^ 1);
        EXPECT_FALSE(world.launch_again());
        EXPECT_EQ(world.measurement(), "");
        EXPECT_TRUE(watch.witness->mismatch());
    }
}

}  // namespace
}  // namespace vmm
