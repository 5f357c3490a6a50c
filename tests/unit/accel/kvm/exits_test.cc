// Exits served on the vCPU thread, played by the model of KVM.
#include "accel/kvm/exits.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm::kvm {
namespace {

using Access = RecordingDevice::Access;

TEST(Exits, portWriteReachesItsDevice) {
    FakeWorld world;
    world.add_vcpus(1);
    world.fake.then(0, FakeKvm::port_out(0x82, 0x5a));
    world.fake.then(0, FakeKvm::port_out(0x84, 0x12345678, 4));
    world.play();
    EXPECT_EQ(world.port_device.writes, (std::vector<Access>{{2, 0x5a, 1}, {4, 0x12345678, 4}}));
}

TEST(Exits, portReadReturnsTheDevicesValue) {
    FakeWorld world;
    world.add_vcpus(1);
    world.port_device.value_to_read = 0xbeef;
    uint16_t got = 0;
    world.fake.then(0, FakeKvm::port_in(0x82, 2));
    world.fake.then(0, [&](kvm_run& run) {
        std::memcpy(&got, static_cast<uint8_t*>(static_cast<void*>(&run)) + kPageSize, 2);
        return -EINTR;
    });
    world.play();
    EXPECT_EQ(got, 0xbeef);
}

TEST(Exits, readOfAnEmptyPortIsAllOnes) {
    FakeWorld world;
    world.add_vcpus(1);
    uint32_t got = 0;
    world.fake.then(0, FakeKvm::port_in(0x300, 4));
    world.fake.then(0, [&](kvm_run& run) {
        std::memcpy(&got, static_cast<uint8_t*>(static_cast<void*>(&run)) + kPageSize, 4);
        return -EINTR;
    });
    world.play();
    EXPECT_EQ(got, 0xffffffff);
}

TEST(Exits, stringOutputIsOneWriteAnElement) {
    FakeWorld world;
    world.add_vcpus(1);
    world.fake.then(0, [](kvm_run& run) {
        FakeKvm::port_out(0x80, 0, 2)(run);
        run.io.count = 3;
        const uint16_t values[] = {0x1111, 0x2222, 0x3333};
        std::memcpy(static_cast<uint8_t*>(static_cast<void*>(&run)) + kPageSize, values, sizeof(values));
        return 0;
    });
    world.play();
    EXPECT_EQ(world.port_device.writes,
              (std::vector<Access>{{0, 0x1111, 2}, {0, 0x2222, 2}, {0, 0x3333, 2}}));
}

TEST(Exits, memoryAccessesReachTheirDevice) {
    FakeWorld world;
    world.add_vcpus(1);
    world.memory_device.value_to_read = 0x1122334455667788;
    uint64_t got = 0;
    world.fake.then(0, FakeKvm::mmio_write(0x10008, 0xabcd, 2));
    world.fake.then(0, FakeKvm::mmio_read(0x10010, 8));
    world.fake.then(0, [&](kvm_run& run) {
        std::memcpy(&got, run.mmio.data, 8);
        return -EINTR;
    });
    world.play();
    EXPECT_EQ(world.memory_device.writes, (std::vector<Access>{{8, 0xabcd, 2}}));
    EXPECT_EQ(got, 0x1122334455667788u);
}

TEST(Exits, tripleFaultAsksForAResetAndStaysOut) {
    FakeWorld world;
    world.add_vcpus(1);
    world.fake.then(0, FakeKvm::plain_exit(KVM_EXIT_SHUTDOWN));
    world.vcpus().resume_all();
    while (world.requests.all().empty())
        std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(world.requests.all(), std::vector<std::string>{"reset"});
    world.vcpus().pause_all();
    EXPECT_LE(world.fake.vcpu(0).runs, 2u);  // the exit, and the run that closes it
    world.play();                            // resumed: it runs again
}

TEST(Exits, internalErrorIsReportedOnceWithRegisters) {
    FakeWorld world;
    world.add_vcpus(1);
    world.fake.then(0, [](kvm_run& run) {
        run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
        run.emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
        run.emulation_failure.ndata = 3;
        run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
        run.emulation_failure.insn_size = 2;
        run.emulation_failure.insn_bytes[0] = 0x0f;
        run.emulation_failure.insn_bytes[1] = 0xa2;
        return 0;
    });
    world.vcpus().resume_all();
    while (world.requests.all().empty())
        std::this_thread::yield();
    world.vcpus().pause_all();
    ASSERT_EQ(world.requests.all().size(), 1u);
    EXPECT_NE(world.requests.all()[0].find("vCPU 0: KVM could not emulate"), std::string::npos);
    EXPECT_NE(world.requests.all()[0].find("bytes 0f a2\nREGISTERS"), std::string::npos);
}

TEST(Exits, eachOddEndingIsReported) {
    const std::pair<FakeKvm::Step, const char*> kCases[] = {
        {FakeKvm::plain_exit(KVM_EXIT_FAIL_ENTRY), "refused to enter the guest"},
        {FakeKvm::plain_exit(777), "unknown here: 777"},
        {FakeKvm::error(ENOSYS), "KVM_RUN: Function not implemented"},
        {[](kvm_run& run) {
             run.exit_reason = KVM_EXIT_IO;  // stale
             return -EFAULT;
         },
         "KVM_RUN: Bad address"},
        {FakeKvm::memory_fault(0x4000, 0x1000, true, EHWPOISON), "memory there is broken"},
    };
    for (const auto& [step, text] : kCases) {
        FakeWorld world;
        world.add_vcpus(1);
        world.fake.then(0, step);
        world.vcpus().resume_all();
        while (world.requests.all().empty())
            std::this_thread::yield();
        world.vcpus().pause_all();
        ASSERT_EQ(world.requests.all().size(), 1u);
        EXPECT_NE(world.requests.all()[0].find(text), std::string::npos) << world.requests.all()[0];
    }
}

TEST(Exits, guestMemoryFaultConvertsAndGoesOn) {
    FakeWorld world(IrqChipMode::Split, abi::kVmSwProtected);
    world.add_vcpus(1);
    world.fake.then(0, FakeKvm::memory_fault(0x4000, 0x1000, true));
    world.fake.then(0, FakeKvm::memory_fault(0x6000, 0x1000, false));
    world.play();
    ASSERT_EQ(world.converter.asked.size(), 2u);
    EXPECT_EQ(world.converter.asked[0].first, GpaRange::of(Gpa(0x4000), 0x1000));
    EXPECT_EQ(world.converter.asked[0].second, Visibility::Private);
    EXPECT_EQ(world.converter.asked[1].second, Visibility::Shared);
    EXPECT_TRUE(world.requests.all().empty());
}

abi::MemoryFaultExit fault(uint64_t gpa) {
    return {abi::kMemoryExitPrivate, gpa, 0x1000};
}

TEST(MemoryFault, sameFaultWithoutProgressIsReportedNotLooped) {
    ScriptedConverter converter;
    converter.answer.outcome = GuestConverter::Outcome::Unchanged;
    FaultGuard guard;
    unsigned served = 0;
    FaultVerdict verdict;
    do {
        verdict = serve_memory_fault(fault(0x4000), EFAULT, &converter, guard);
        served++;
    } while (verdict.resume && served < 1000);
    EXPECT_EQ(served, FaultGuard::kMostRepeats + 1);
    EXPECT_NE(verdict.report.find("0x4000"), std::string::npos);
    EXPECT_NE(verdict.report.find("again and again"), std::string::npos);
}

// A guest of attributes alone: a fault means another vCPU converted the page under way. Converting for it
// would undo that conversion, and did: the page came back empty under the processor that had just shared it.
TEST(MemoryFault, racesAreTriedAgainAndConvertNothing) {
    ScriptedConverter converter;
    converter.believe_faults = false;
    FaultGuard guard;
    for (unsigned i = 0; i < FaultGuard::kMostRaces; i++)
        ASSERT_TRUE(serve_memory_fault(fault(0x4000), EFAULT, &converter, guard).resume);
    EXPECT_TRUE(converter.asked.empty());
    FaultVerdict verdict = serve_memory_fault(fault(0x4000), EFAULT, &converter, guard);
    EXPECT_FALSE(verdict.resume);
    EXPECT_NE(verdict.report.find("nothing backs the side"), std::string::npos);
}

TEST(MemoryFault, otherFaultsAndProgressStartTheCountAnew) {
    ScriptedConverter converter;
    converter.answer.outcome = GuestConverter::Outcome::Unchanged;
    FaultGuard guard;
    for (unsigned i = 0; i < 10 * FaultGuard::kMostRepeats; i++) {
        ASSERT_TRUE(serve_memory_fault(fault(0x1000 * (1 + i % 2)), EFAULT, &converter, guard).resume);
    }
    for (unsigned i = 0; i < 10 * FaultGuard::kMostRepeats; i++) {
        ASSERT_TRUE(serve_memory_fault(fault(0x1000), EFAULT, &converter, guard).resume);
        guard.progress();
    }
    converter.answer.outcome = GuestConverter::Outcome::Done;
    for (unsigned i = 0; i < 10 * FaultGuard::kMostRepeats; i++)
        ASSERT_TRUE(serve_memory_fault(fault(0x1000), EFAULT, &converter, guard).resume);
}

TEST(MemoryFault, whatCannotBeConvertedIsReportedWithItsReason) {
    FaultGuard guard;
    ScriptedConverter converter;
    converter.answer = {GuestConverter::Outcome::Refused, "no guest_memfd there"};
    EXPECT_NE(
        serve_memory_fault(fault(0x4000), EFAULT, &converter, guard).report.find("no guest_memfd there"),
        std::string::npos);
    converter.answer = {GuestConverter::Outcome::Failed, "out of memory"};
    EXPECT_NE(serve_memory_fault(fault(0x4000), EFAULT, &converter, guard).report.find("out of memory"),
              std::string::npos);
    EXPECT_FALSE(serve_memory_fault(fault(0x4000), EFAULT, nullptr, guard).resume);
    converter.asked.clear();
    EXPECT_FALSE(serve_memory_fault({0, 0x4001, 0x1000}, EFAULT, &converter, guard).resume);
    EXPECT_FALSE(serve_memory_fault({0, ~uint64_t{0xfff}, 0x2000}, EFAULT, &converter, guard).resume);
    EXPECT_FALSE(serve_memory_fault({0, 0x4000, 0}, EFAULT, &converter, guard).resume);
    EXPECT_FALSE(serve_memory_fault({16, 0x4000, 0x1000}, EFAULT, &converter, guard).resume);
    EXPECT_TRUE(converter.asked.empty());
}

}  // namespace
}  // namespace vmm::kvm
