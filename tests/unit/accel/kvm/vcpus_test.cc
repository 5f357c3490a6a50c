// vCPU threads: pausing, kicking, work, the gate - on the model of KVM, with real threads and signals.
#include <gtest/gtest.h>

#include "accel/kvm/vcpu_set.h"
#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm::kvm {
namespace {

TEST(Vcpus, startPaused) {
    FakeWorld world;
    world.add_vcpus(2);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    world.vcpus().pause_all();
    EXPECT_EQ(world.fake.vcpu(0).runs + world.fake.vcpu(1).runs, 0u);
}

TEST(Vcpus, pauseAndResumeManyTimes) {
    FakeWorld world;
    world.add_vcpus(3);
    for (int i = 0; i < 500; i++) {
        world.vcpus().resume_all();
        if (i % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
        world.vcpus().pause_all();
        unsigned runs = world.fake.vcpu(1).runs;
        if (i % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ASSERT_EQ(world.fake.vcpu(1).runs, runs) << "a paused vCPU ran";
    }
}

// The kernel completes an access at the next KVM_RUN: a vCPU that is asked to pause right after one goes in
// once more, with immediate_exit set, and only then counts as paused.
TEST(Vcpus, pauseCompletesAnOpenAccess) {
    FakeWorld world;
    world.add_vcpus(1);
    bool asked = false;
    world.fake.then(0, [&](kvm_run& run) {
        FakeKvm::port_out(0x80, 1)(run);
        std::atomic_ref(asked).store(true);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // pause_all() comes meanwhile
        return 0;
    });
    world.vcpus().resume_all();
    while (!std::atomic_ref(asked).load())
        std::this_thread::yield();
    world.vcpus().pause_all();
    EXPECT_EQ(world.fake.vcpu(0).runs, 2u);
    EXPECT_EQ(world.port_device.writes.size(), 1u);
}

TEST(Vcpus, workRunsOnTheVcpusOwnThread) {
    FakeWorld world;
    world.add_vcpus(2);
    int seen = -1;
    world.vcpus().run_on(VcpuId(1), [&] { seen = world.accelerator->vcpus().current_fd(); });
    EXPECT_EQ(seen, world.accelerator->vcpus().vcpu(VcpuId(1)).fd());
    world.vcpus().resume_all();
    for (int i = 0; i < 200; i++) {
        seen = -1;
        world.vcpus().run_on(VcpuId(0), [&] { seen = world.accelerator->vcpus().current_fd(); });
        ASSERT_EQ(seen, world.accelerator->vcpus().vcpu(VcpuId(0)).fd());
    }
    EXPECT_EQ(world.accelerator->vcpus().current_fd(), -1);
    world.vcpus().pause_all();
}

TEST(Vcpus, kickTakesAVcpuOutOfTheGuest) {
    FakeWorld world;
    world.add_vcpus(1);
    world.vcpus().resume_all();
    for (int i = 0; i < 100; i++) {
        unsigned before = std::atomic_ref(world.fake.vcpu(0).runs).load();
        world.vcpus().kick(VcpuId(0));
        while (std::atomic_ref(world.fake.vcpu(0).runs).load() == before)
            std::this_thread::yield();
    }
    world.vcpus().pause_all();
}

TEST(Vcpus, haltedVcpuWaitsForAKick) {
    FakeWorld world;
    world.add_vcpus(1);
    for (int i = 0; i < 50; i++) {
        unsigned before = world.fake.vcpu(0).runs;
        world.fake.then(0, FakeKvm::plain_exit(KVM_EXIT_HLT));
        bool woken = false;
        world.fake.then(0, [&](kvm_run&) {
            std::atomic_ref(woken).store(true);
            return -EINTR;
        });
        world.vcpus().resume_all();
        while (std::atomic_ref(world.fake.vcpu(0).runs).load() == before)
            std::this_thread::yield();
        if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        while (!std::atomic_ref(woken).load()) {
            world.vcpus().kick(VcpuId(0));
            std::this_thread::yield();
        }
        world.vcpus().pause_all();
    }
}

// While the gate is closed nobody is in the guest; open() lets them go on; a thread that is in a device
// meanwhile does not hold it up.
TEST(Vcpus, closedGateKeepsAllOut) {
    FakeWorld world;
    world.add_vcpus(3);
    world.vcpus().resume_all();
    VcpuSet& set = world.accelerator->vcpus();
    for (int i = 0; i < 300; i++) {
        set.close();
        unsigned runs = 0, later = 0;
        for (uint32_t id = 0; id < 3; id++)
            runs += std::atomic_ref(world.fake.vcpu(id).runs).load();
        if (i % 30 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        for (uint32_t id = 0; id < 3; id++)
            later += std::atomic_ref(world.fake.vcpu(id).runs).load();
        ASSERT_EQ(runs, later);
        set.open();
    }
    world.vcpus().pause_all();
}

// One comes and goes while the others run; the kernel, which makes a vCPU once only, has it used again.
TEST(Vcpus, oneComesAndGoesWhileTheOthersRun) {
    FakeWorld world;
    world.add_vcpus(1);
    world.vcpus().resume_all();
    const auto in_guest_again = [&](uint32_t id) {
        const unsigned before = std::atomic_ref(world.fake.vcpu(id).runs).load();
        while (std::atomic_ref(world.fake.vcpu(id).runs).load() == before) {
            world.vcpus().kick(VcpuId(id));
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    };
    const GuestWorld guest{world.memory, world.ports, world.requests, &world.converter, nullptr};
    for (int i = 0; i < 50; i++) {
        Status plugged = world.accelerator->plug_vcpu(VcpuId(2), 2, std::make_unique<IdleArch>(), guest);
        ASSERT_TRUE(plugged) << plugged.error().text();
        EXPECT_EQ(world.vcpus().count(), 2u);
        EXPECT_EQ(world.vcpus().present(), (std::vector{VcpuId(0), VcpuId(2)}));
        in_guest_again(2);
        in_guest_again(0);
        if (i % 2 == 0) world.vcpus().pause_all();
        world.accelerator->unplug_vcpu(VcpuId(2));
        EXPECT_EQ(world.vcpus().count(), 1u);
        world.vcpus().kick(VcpuId(2));
        if (i % 2 == 0) world.vcpus().resume_all();
    }
    world.vcpus().pause_all();
}

// Into a paused machine: it waits with the others.
TEST(Vcpus, onePluggedIntoAPausedMachineWaits) {
    FakeWorld world;
    world.add_vcpus(1);
    const GuestWorld guest{world.memory, world.ports, world.requests, &world.converter, nullptr};
    ASSERT_TRUE(world.accelerator->plug_vcpu(VcpuId(1), 1, std::make_unique<IdleArch>(), guest));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(std::atomic_ref(world.fake.vcpu(1).runs).load(), 0u);
    world.play(1);
    EXPECT_NE(std::atomic_ref(world.fake.vcpu(1).runs).load(), 0u);
}

TEST(Vcpus, endWhileRunning) {
    for (int i = 0; i < 20; i++) {
        FakeWorld world;
        world.add_vcpus(2);
        world.vcpus().resume_all();
        world.accelerator.reset();
    }
}

}  // namespace
}  // namespace vmm::kvm
