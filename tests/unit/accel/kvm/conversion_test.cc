// Conversions from the vCPU's exit down to the model of the kernel: the engine, the attributes, both sides'
// pages.
#include <gtest/gtest.h>

#include "accel/kvm/engine_converter.h"
#include "system/memory/visibility_model.h"
#include "tests/unit/accel/kvm/fake_world.h"
#include "util/align.h"

namespace vmm::kvm {
namespace {

constexpr uint64_t kRamSize = 4 * kMiB;
constexpr uint64_t kRamAt = 0x40000000;

// A protected machine with 4 MiB of RAM, private at start.
struct ProtectedWorld {
    ProtectedWorld() {
        block = private_ram(world, kRamSize);
        region.emplace(*block);
        world.topology.add(world.memory_root, region->ram, kRamAt);
        CHECK(static_cast<bool>(world.accelerator->map_memory(world.memory)), "map");
        engine.emplace(world.memory, world.accelerator->attributes(), model);
        converter.emplace(*engine, true);
        GuestWorld guest{world.memory, world.ports, world.requests, &*converter, nullptr};
        CHECK(static_cast<bool>(world.accelerator->create_irqchip()), "irqchip");
        CHECK(static_cast<bool>(world.accelerator->add_vcpu(0, std::make_unique<IdleArch>(), guest)), "vcpu");
    }
    ~ProtectedWorld() { world.accelerator.reset(); }
    bool is_private(uint64_t offset) { return world.fake.private_pages.contains(kRamAt + offset); }

    struct Region {
        explicit Region(RamBlock& block) : ram(MemoryRegion::ram("ram", block)) {}
        MemoryRegion ram;
    };
    FakeWorld world{IrqChipMode::Split, abi::kVmSwProtected};
    std::unique_ptr<RamBlock> block;
    std::optional<Region> region;
    VmWideAttributes model{world.accelerator->attributes()};
    std::optional<ConversionEngine> engine;
    std::optional<EngineConverter> converter;
};

TEST(EngineConverter, initialVisibilityReachesTheKernel) {
    ProtectedWorld machine;
    EXPECT_EQ(machine.world.fake.private_pages.count(), kRamSize / kPageSize);
    EXPECT_EQ(machine.world.fake.count(abi::kSetMemoryAttributes), 1u);
}

TEST(EngineConverter, faultConvertsThePageAndItsSides) {
    ProtectedWorld machine;
    FakeKvm& fake = machine.world.fake;
    fake.calls.clear();
    fake.then(0, FakeKvm::memory_fault(kRamAt + 0x5000, 0x1000, false));
    machine.world.play();
    EXPECT_FALSE(machine.is_private(0x5000));
    EXPECT_TRUE(machine.is_private(0x4000));
    EXPECT_EQ(fake.count(abi::kSetMemoryAttributes), 1u);
    machine.block->data()[0x5000] = 1;
    fake.then(0, FakeKvm::memory_fault(kRamAt + 0x5000, 0x1000, true));
    machine.world.play();
    EXPECT_TRUE(machine.is_private(0x5000));
    EXPECT_EQ(machine.block->data()[0x5000], 0) << "the shared page was not dropped";
    EXPECT_TRUE(machine.world.requests.all().empty());
}

TEST(EngineConverter, failingKernelLeavesTheOldStateAndIsReported) {
    ProtectedWorld machine;
    FakeKvm& fake = machine.world.fake;
    fake.fail(abi::kSetMemoryAttributes, ENOMEM);
    fake.then(0, FakeKvm::memory_fault(kRamAt + 0x5000, 0x1000, false));
    machine.world.vcpus().resume_all();
    while (machine.world.requests.all().empty())
        std::this_thread::yield();
    machine.world.vcpus().pause_all();
    EXPECT_TRUE(machine.is_private(0x5000));
    EXPECT_NE(machine.world.requests.all()[0].find("KVM_SET_MEMORY_ATTRIBUTES"), std::string::npos)
        << machine.world.requests.all()[0];
}

TEST(EngineConverter, privateAccessToMemoryThatCannotBePrivateIsAnError) {
    ProtectedWorld machine;
    machine.world.fake.then(0, FakeKvm::memory_fault(0x10000, 0x1000, true));  // a device's registers
    machine.world.vcpus().resume_all();
    while (machine.world.requests.all().empty())
        std::this_thread::yield();
    machine.world.vcpus().pause_all();
    EXPECT_NE(machine.world.requests.all()[0].find("cannot be converted"), std::string::npos);
}

TEST(EngineConverter, outcomesAreTranslated) {
    ProtectedWorld machine;
    using Outcome = GuestConverter::Outcome;
    GpaRange page = GpaRange::of(Gpa(kRamAt), kPageSize);
    EXPECT_EQ(machine.converter->convert(page, Visibility::Private).outcome, Outcome::Unchanged);
    EXPECT_EQ(machine.converter->convert(page, Visibility::Shared).outcome, Outcome::Done);
    GpaRange hole = GpaRange::of(Gpa(0x90000000), kPageSize);
    EXPECT_EQ(machine.converter->convert(hole, Visibility::Shared).outcome, Outcome::Unchanged);
    GuestConverter::Answer refused = machine.converter->convert(hole, Visibility::Private);
    EXPECT_EQ(refused.outcome, Outcome::Refused);
    EXPECT_TRUE(refused.error);
}

// A slot that is cut and healed keeps its pages' visibility; the ROM that cuts it has no private side and can
// be read.
TEST(EngineConverter, reSlottingKeepsVisibility) {
    ProtectedWorld machine;
    FakeKvm& fake = machine.world.fake;
    GpaRange page = GpaRange::of(Gpa(kRamAt + 0x7000), kPageSize);
    ASSERT_EQ(machine.converter->convert(page, Visibility::Shared).outcome, GuestConverter::Outcome::Done);
    auto rom = RamBlock::anonymous("rom", 0x10000).take_value();
    MemoryRegion window = MemoryRegion::rom("rom", *rom);
    fake.calls.clear();
    machine.world.topology.add(machine.world.memory_root, window, kRamAt + 0x20000, 1);
    EXPECT_EQ(fake.slots.size(), 3u);
    EXPECT_FALSE(machine.is_private(0x20000));
    EXPECT_FALSE(machine.is_private(0x2f000));
    EXPECT_TRUE(machine.is_private(0x1f000));
    EXPECT_TRUE(machine.is_private(0x30000));
    machine.world.topology.remove(window);
    EXPECT_EQ(fake.slots.size(), 1u);
    EXPECT_FALSE(machine.is_private(0x7000));
    EXPECT_TRUE(machine.is_private(0x6000));
    EXPECT_TRUE(machine.is_private(0x20000));
    EXPECT_EQ(fake.count(abi::kSetMemoryAttributes), 2u);
}

}  // namespace
}  // namespace vmm::kvm
