// A launch that is watched: the expected measurement lets it end, another one does not, and the kernel is
// never asked to end it then.
#include "accel/model/witness.h"

#include <gtest/gtest.h>

#include "target/i386/confidential/sev/sev_guest.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "tests/unit/target/i386/confidential/launch_world.h"

namespace vmm {
namespace {

std::unique_ptr<ConfidentialGuest> snp_guest() {
    sev::SnpConfig config;
    config.common.id = "snp0";
    config.common.reduced_phys_bits = 1;
    return sev::SnpGuest::create(std::move(config)).take_value();
}

std::unique_ptr<ConfidentialGuest> sev_guest() {
    sev::SevConfig config;
    config.common.id = "sev0";
    config.common.reduced_phys_bits = 1;
    config.policy = 5;
    return sev::SevGuest::create(std::move(config)).take_value();
}

struct Kind {
    uint32_t vm_type;
    std::unique_ptr<ConfidentialGuest> (*make)();
};
constexpr Kind kKinds[] = {{abi::kVmSnp, snp_guest}, {abi::kVmDefault, sev_guest}};

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

}  // namespace
}  // namespace vmm
