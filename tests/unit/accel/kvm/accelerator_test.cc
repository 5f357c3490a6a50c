// The parts put together: order of calls, the memory map in slots, interrupts, and what failing calls say.
#include "accel/kvm/accelerator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "system/memory/ram_block.h"
#include "tests/unit/accel/kvm/fake_world.h"
#include "util/align.h"

namespace vmm::kvm {
namespace {

std::unique_ptr<RamBlock> ram(const char* id, uint64_t size) {
    return RamBlock::anonymous(id, size).take_value();
}

TEST(Accelerator, slotsComeBeforeTheIrqchipBeforeTheVcpus) {
    FakeWorld world(IrqChipMode::Kernel);
    auto block = ram("ram", kMiB);
    MemoryRegion region = MemoryRegion::ram("ram", *block);
    world.topology.add(world.memory_root, region, 0x100000);
    world.add_vcpus(2);
    EXPECT_FALSE(world.fake.slots_added_late);
    EXPECT_EQ(world.fake.slots.size(), 1u);
    auto first = [&](unsigned long request) {
        return std::find(world.fake.calls.begin(), world.fake.calls.end(), request) -
               world.fake.calls.begin();
    };
    EXPECT_LT(first(abi::kSetUserMemoryRegion2), first(KVM_CREATE_IRQCHIP));
    EXPECT_LT(first(KVM_CREATE_IRQCHIP), first(KVM_CREATE_VCPU));
    EXPECT_LE(world.fake.calls.size(), 12u);
}

TEST(Accelerator, mapChangesReachTheKernel) {
    FakeWorld world;
    auto block = ram("ram", kMiB);
    auto rom = ram("rom", 0x10000);
    MemoryRegion low = MemoryRegion::ram("low", *block);
    MemoryRegion bios = MemoryRegion::rom("bios", *rom);
    world.topology.add(world.memory_root, low, 0x100000);
    world.add_vcpus(1);
    world.vcpus().resume_all();
    world.topology.add(world.memory_root, bios, 0x180000, 1);
    ASSERT_EQ(world.fake.slots.size(), 3u);
    std::map<uint64_t, std::pair<uint64_t, uint32_t>> have;
    for (auto& [id, slot] : world.fake.slots)
        have[slot.gpa] = {slot.size, slot.flags};
    EXPECT_EQ(have[0x100000], (std::pair<uint64_t, uint32_t>{0x80000, 0}));
    EXPECT_EQ(have[0x180000], (std::pair<uint64_t, uint32_t>{0x10000, KVM_MEM_READONLY}));
    EXPECT_EQ(have[0x190000], (std::pair<uint64_t, uint32_t>{0x70000, 0}));
    world.vcpus().pause_all();
    world.accelerator.reset();
}

TEST(Accelerator, readOnlyMemoryMayBeForbidden) {
    FakeWorld world;
    auto block = ram("ram", kMiB);
    auto rom = ram("rom", 0x10000);
    MemoryRegion low = MemoryRegion::ram("low", *block);
    MemoryRegion window = MemoryRegion::alias("window", low, 0x40000, 0x4000);
    MemoryRegion bios = MemoryRegion::rom("bios", *rom);
    world.topology.add(world.memory_root, low, 0x100000);
    world.topology.add(world.memory_root, window, 0x140000, 1);
    world.accelerator->forbid_readonly_slots();
    world.add_vcpus(1);
    world.vcpus().resume_all();
    world.topology.add(world.memory_root, bios, 0x180000, 1);
    world.topology.set_readonly(window, true);
    auto ranges = [&] {
        std::map<uint64_t, uint64_t> have;
        for (auto& [id, slot] : world.fake.slots) {
            EXPECT_EQ(slot.flags, 0u);
            have[slot.gpa] = slot.size;
        }
        return have;
    };
    EXPECT_EQ(ranges(),
              (std::map<uint64_t, uint64_t>{{0x100000, 0x40000}, {0x144000, 0x3c000}, {0x190000, 0x70000}}))
        << "holes where memory is read-only";
    world.topology.set_readonly(window, false);
    world.topology.remove(bios);
    uint64_t mapped = 0;
    for (const auto& [gpa, size] : ranges())
        mapped += size;
    EXPECT_EQ(mapped, kMiB) << "and none when it is not";
    world.vcpus().pause_all();
    world.accelerator.reset();
}

TEST(Accelerator, gmemBackedRamIsBoundWithItsOffset) {
    FakeWorld world(IrqChipMode::Split, abi::kVmSwProtected);
    auto gmem = Gmem::create(world.accelerator->gmem_factory(), {.size = kMiB});
    ASSERT_TRUE(gmem);
    RamBlock::Config config;
    config.id = "ram";
    config.mapping = MappedRegion::map(kMiB, 3, 0x22).take_value();
    config.gmem = std::move(gmem).take_value();
    config.initial = Visibility::Private;
    RamBlock block(std::move(config));
    MemoryRegion region = MemoryRegion::ram("ram", block);
    MemoryRegion window = MemoryRegion::alias("window", region, 0x40000, 0x10000);
    world.topology.add(world.memory_root, window, 0x200000);
    world.add_vcpus(1);
    ASSERT_EQ(world.fake.slots.size(), 1u);
    const FakeKvm::Slot& slot = world.fake.slots.begin()->second;
    EXPECT_EQ(slot.gmem_fd, block.gmem()->fd());
    EXPECT_EQ(slot.gmem_offset, 0x40000u);
    EXPECT_EQ(slot.flags, abi::kMemGuestMemfd);
    world.accelerator->unmap_memory();
}

TEST(Accelerator, aNewVmIsToldWhatTheOldOneKnew) {
    FakeWorld world(IrqChipMode::Split, abi::kVmSwProtected);
    RamBlock::Config config;
    config.id = "ram";
    config.mapping = MappedRegion::map(kMiB, 3, 0x22).take_value();
    config.gmem = Gmem::create(world.accelerator->gmem_factory(), {.size = kMiB}).take_value();
    config.initial = Visibility::Private;
    RamBlock block(std::move(config));
    MemoryRegion region = MemoryRegion::ram("ram", block);
    world.topology.add(world.memory_root, region, 0x200000);
    world.add_vcpus(2);
    Accelerator& accelerator = *world.accelerator;
    ASSERT_TRUE(accelerator.irq_fds().attach(30, 77));
    ASSERT_TRUE(accelerator.irq_fds().attach(31, 78));
    accelerator.irq_fds().detach(31, 78);
    ASSERT_TRUE(accelerator.io_events().attach({.address = 0xfe000000, .size = 4}, 79));
    accelerator.routes().set_msi(30, {0xfee00000, 0x41});
    accelerator.routes().commit();
    kvm_run* const page = &accelerator.vcpus().vcpu(VcpuId(1)).page();

    ASSERT_TRUE(accelerator.let_go());
    EXPECT_TRUE(accelerator.vm().gone());
    EXPECT_EQ(block.gmem()->fd(), -1);
    accelerator.vcpus().vcpu(VcpuId(1)).set_immediate_exit(true);  // a late kick
    const MsiMessage late{0xfee00000, 0x42};
    accelerator.msi().send(late);

    ASSERT_TRUE(accelerator.vm().renew());
    EXPECT_TRUE(world.fake.slots.empty());
    ASSERT_TRUE(accelerator.renew_memory());
    ASSERT_TRUE(accelerator.renew_chips());
    for (uint32_t i = 0; i < 2; ++i)
        ASSERT_TRUE(accelerator.vcpus().vcpu(VcpuId(i)).renew());
    EXPECT_EQ(&accelerator.vcpus().vcpu(VcpuId(1)).page(), page);
    ASSERT_EQ(world.fake.slots.size(), 1u);
    EXPECT_EQ(world.fake.slots.begin()->second.gpa, 0x200000u);
    EXPECT_EQ(world.fake.slots.begin()->second.gmem_fd, block.gmem()->fd());
    EXPECT_EQ(world.fake.irq_fds, (std::set<std::pair<uint32_t, int>>{{30, 77}}));
    EXPECT_EQ(world.fake.io_events.size(), 1u);
    EXPECT_EQ(world.fake.msi_routes.at(30).data, 0x41u);
    EXPECT_TRUE(world.fake.irqchip_created);
    EXPECT_FALSE(world.fake.slots_added_late);
    EXPECT_EQ(world.fake.vcpus().size(), 2u);
    EXPECT_TRUE(accelerator.reset_vcpus());
    accelerator.unmap_memory();
}

TEST(Accelerator, failingSlotAtStartIsAnErrorLaterAReport) {
    FakeWorld world;
    auto block = ram("ram", kMiB);
    MemoryRegion region = MemoryRegion::ram("ram", *block);
    world.topology.add(world.memory_root, region, 0x100000);
    world.fake.fail(abi::kSetUserMemoryRegion2, ENOMEM);
    Status mapped = world.accelerator->map_memory(world.memory);
    ASSERT_FALSE(mapped);
    EXPECT_NE(mapped.error().text().find("KVM_SET_USER_MEMORY_REGION2"), std::string::npos);
    world.accelerator->unmap_memory();

    world.add_vcpus(1);
    auto more = ram("more", kMiB);
    MemoryRegion other = MemoryRegion::ram("more", *more);
    world.fake.fail(abi::kSetUserMemoryRegion2, ENOMEM);
    world.topology.add(world.memory_root, other, 0x400000);
    ASSERT_EQ(world.requests.all().size(), 1u);
    EXPECT_NE(world.requests.all()[0].find("KVM_SET_USER_MEMORY_REGION2"), std::string::npos);
    world.accelerator.reset();
}

// Each call of a start-up fails once: one line, which names the call.
TEST(Accelerator, eachFailingStartupCallIsNamed) {
    auto start = [](FakeKvm& fake, Topology& topology, AddressSpace& memory, AddressSpace& ports,
                    NotedRequests& requests) -> Status {
        auto kvm = TRY(Kvm::open(fake, "/dev/null"));
        auto vm = TRY(Vm::create(*kvm, {}));
        Accelerator accelerator(*vm, IrqChipMode::Kernel);
        TRY(accelerator.map_memory(memory));
        TRY(accelerator.create_irqchip());
        GuestWorld world{memory, ports, requests, nullptr, nullptr};
        (void)topology;
        return accelerator.add_vcpu(0, std::make_unique<IdleArch>(), world);
    };
    unsigned named = 0;
    for (unsigned nth = 1; nth < 30; nth++) {
        FakeKvm fake;
        Topology topology;
        MemoryRegion root = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
        MemoryRegion io = MemoryRegion::container("io", 0x10000);
        AddressSpace memory(topology, root, "memory"), ports(topology, io, "I/O");
        NotedRequests requests;
        auto block = ram("ram", kMiB);
        MemoryRegion region = MemoryRegion::ram("ram", *block);
        topology.add(root, region, 0);
        fake.fail(0, EIO, nth);
        Status status = start(fake, topology, memory, ports, requests);
        if (fake.failure_pending()) break;  // fewer calls than that
        unsigned long failed = fake.calls.back();
        if (failed == KVM_CHECK_EXTENSION || status) continue;  // taken for "no"
        named++;
        EXPECT_NE(status.error().message().find("KVM_"), std::string::npos) << status.error().message();
        EXPECT_EQ(status.error().message().find('\n'), std::string::npos);
    }
    EXPECT_GE(named, 6u);
}

TEST(IrqRoutes, kernelChipsGetAPcsWiring) {
    FakeWorld world(IrqChipMode::Kernel);
    world.add_vcpus(1);
    EXPECT_TRUE(world.fake.irqchip_created);
    using Pins = std::vector<std::pair<uint32_t, uint32_t>>;
    EXPECT_EQ(world.fake.chip_routes[0], (Pins{{KVM_IRQCHIP_PIC_MASTER, 0}, {KVM_IRQCHIP_IOAPIC, 2}}));
    EXPECT_EQ(world.fake.chip_routes[9], (Pins{{KVM_IRQCHIP_PIC_SLAVE, 1}, {KVM_IRQCHIP_IOAPIC, 9}}));
    EXPECT_EQ(world.fake.chip_routes[20], (Pins{{KVM_IRQCHIP_IOAPIC, 20}}));
    EXPECT_FALSE(world.fake.chip_routes.contains(2));
    world.accelerator->kernel_pins().set_pin(9, true);
    EXPECT_EQ(world.fake.lines[9], 1);
}

TEST(IrqRoutes, splitChipSetsMessagesInOneCall) {
    FakeWorld world;
    world.add_vcpus(1);
    EXPECT_EQ(world.fake.enabled_caps.at(KVM_CAP_SPLIT_IRQCHIP), kIoApicPins);
    EXPECT_EQ(world.fake.count(abi::kSetGsiRouting), 0u);
    GsiRoutes& routes = world.accelerator->routes();
    routes.set_msi(4, {0xfee00000, 0x31});
    routes.set_msi(5, {0x100000000fee0000, 0x32});
    routes.commit();
    routes.commit();
    EXPECT_EQ(world.fake.count(abi::kSetGsiRouting), 1u);
    EXPECT_EQ(world.fake.msi_routes[5], (FakeKvm::MsiRoute{0x100000000fee0000, 0x32}));
    routes.set_msi(4, {0xfee00000, 0x31});  // no change
    routes.commit();
    EXPECT_EQ(world.fake.count(abi::kSetGsiRouting), 1u);
    routes.clear(4);
    routes.commit();
    EXPECT_EQ(world.fake.msi_routes.size(), 1u);
}

TEST(IrqRoutes, vectorsAreAllocatedAboveThePinsUntilTheTableIsFull) {
    FakeWorld world;
    world.fake.vm_caps[KVM_CAP_IRQ_ROUTING] = 26;
    GsiRoutes& routes = world.accelerator->routes();
    EXPECT_EQ(routes.allocate(), 24u);
    EXPECT_EQ(routes.allocate(), 25u);
    EXPECT_EQ(routes.allocate(), std::nullopt);
    routes.release(24);
    EXPECT_EQ(routes.allocate(), 24u);
}

TEST(Interrupts, messagesDescriptorsAndEvents) {
    FakeWorld world;
    world.add_vcpus(1);
    world.accelerator->msi().send({0xfee01000, 0x4041});
    EXPECT_EQ(world.fake.sent_msis, (std::vector<FakeKvm::MsiRoute>{{0xfee01000, 0x4041}}));
    IrqFds& fds = world.accelerator->irq_fds();
    EXPECT_TRUE(fds.attach(24, 7));
    EXPECT_FALSE(fds.attach(24, 7));
    fds.detach(24, 7);
    EXPECT_TRUE(world.fake.irq_fds.empty());
    IoEvents& events = world.accelerator->io_events();
    ASSERT_TRUE(events.attach({.port = true, .address = 0x80, .size = 2, .value = 5}, 9));
    ASSERT_EQ(world.fake.io_events.size(), 1u);
    EXPECT_EQ(world.fake.io_events[0].flags, uint32_t{KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH});
    EXPECT_EQ(world.fake.io_events[0].datamatch, 5u);
    events.detach({.port = true, .address = 0x80, .size = 2, .value = 5}, 9);
    EXPECT_TRUE(world.fake.io_events.empty());
}

}  // namespace
}  // namespace vmm::kvm
