// The PCI side of virtio: which interfaces a function shows where, its registers, interrupts, and what
// happens when drivers break the rules. The entropy device stands for all.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/fakes/fake_routes.h"
#include "tests/unit/hw/virtio/pci_driver.h"

namespace vmm::virtio {
namespace {

qapi::Dict options(std::initializer_list<std::pair<const char*, const char*>> list) {
    qapi::Dict dict;
    for (const auto& [name, value] : list)
        dict.set(name, qapi::Value(std::string(value)));
    return dict;
}

struct PciTransportTest : testing::Test {
    VirtioMachine machine;
    void SetUp() override {
        ASSERT_EQ(machine.add(options({{"driver", "pcie-root-port"}, {"id", "rp"}})), "");
    }
    PciDriver make(std::initializer_list<std::pair<const char*, const char*>> more = {}) {
        qapi::Dict all = options(more);
        all.set("driver", qapi::Value(std::string("virtio-rng-pci")));
        all.set("id", qapi::Value(std::string("rng")));
        EXPECT_EQ(machine.add(all), "");
        return PciDriver(machine, "rng");
    }
    std::string refusal(std::initializer_list<std::pair<const char*, const char*>> more) {
        qapi::Dict all = options(more);
        all.set("driver", qapi::Value(std::string("virtio-rng-pci")));
        return machine.add(all);
    }
};

TEST_F(PciTransportTest, isTransitionalOnTheRootBus) {
    PciDriver d = make();
    EXPECT_EQ(d.function().config_read(0, 4), 0x10051af4u);
    EXPECT_EQ(d.function().config_read(pci::kRevision, 1), 0u);
    EXPECT_EQ(d.function().config_read(pci::kSubsystemVendorId, 4), 0x00041af4u);
    EXPECT_EQ(d.function().config_read(pci::kBar0, 4) & 1, 1u);
    EXPECT_EQ(d.get(common::kNumQueues, 2), 1u);
    EXPECT_EQ(d.in(legacy::kQueueSize, 2), 8u);
}

TEST_F(PciTransportTest, isModernBehindAPort) {
    PciDriver d = make({{"bus", "rp"}});
    EXPECT_EQ(d.function().config_read(0, 4), 0x10441af4u);
    EXPECT_EQ(d.function().config_read(pci::kRevision, 1), 1u);
    EXPECT_EQ(d.function().config_read(pci::kSubsystemVendorId, 4), 0x11001af4u);
    EXPECT_EQ(d.function().config_read(pci::kBar0, 4), 0u);
}

TEST_F(PciTransportTest, showsTheInterfacesThatWereAskedFor) {
    PciDriver d = make({{"disable-legacy", "on"}});
    EXPECT_EQ(d.function().config_read(0, 4), 0x10441af4u);
    VirtioMachine other;
    ASSERT_EQ(other.add(options({{"driver", "virtio-rng-pci"}, {"id", "old"}, {"disable-modern", "on"}})),
              "");
    EXPECT_EQ(other.function("old").config_read(0, 4), 0x10051af4u);
    EXPECT_EQ(other.function("old").config_read(pci::kBar0 + 4 * kModernBar, 4), 0u);
}

TEST_F(PciTransportTest, refusesWhatCannotBe) {
    EXPECT_NE(refusal({{"disable-legacy", "on"}, {"disable-modern", "on"}}).find("neither modern nor legacy"),
              std::string::npos);
    EXPECT_NE(refusal({{"iommu_platform", "on"}}).find("use disable-legacy=on"), std::string::npos);
    EXPECT_NE(refusal({{"ats", "on"}}).find("ats=on"), std::string::npos);
    EXPECT_NE(refusal({{"period", "0"}}).find("positive"), std::string::npos);
    machine.env.needs.modern_virtio = true;
    EXPECT_NE(refusal({{"disable-legacy", "off"}}).find("protected guest"), std::string::npos);
}

TEST_F(PciTransportTest, protectedGuestsGetTheModernInterfaceAndMustTakeAccessPlatform) {
    machine.env.needs = {.modern_virtio = true, .access_platform = true};
    PciDriver d = make();
    EXPECT_EQ(d.function().config_read(0, 4), 0x10441af4u);
    EXPECT_NE(d.features() & kAccessPlatform, 0u);
    EXPECT_FALSE(d.agree(kVersion1));
    EXPECT_TRUE(d.agree(kVersion1 | kAccessPlatform));
}

TEST_F(PciTransportTest, offersTheFeaturesThatAreOn) {
    PciDriver d = make();
    EXPECT_EQ(d.features(), kVersion1 | kIndirect | kEventIdx | kRingReset);
    EXPECT_EQ(d.in(legacy::kHostFeatures, 4), kIndirect | kEventIdx | kNotifyOnEmpty | kAnyLayout);
    VirtioMachine other;
    ASSERT_EQ(other.add(options({{"driver", "virtio-rng-pci"},
                                 {"id", "x"},
                                 {"packed", "on"},
                                 {"indirect_desc", "off"},
                                 {"event_idx", "off"},
                                 {"queue_reset", "off"}})),
              "");
    EXPECT_EQ(PciDriver(other, "x").features(), kVersion1 | kRingPacked);
}

TEST_F(PciTransportTest, featuresThatWereNotOfferedAreRefused) {
    PciDriver d = make();
    EXPECT_FALSE(d.agree(kVersion1 | kRingPacked));
    EXPECT_FALSE(d.agree(kVersion1 | bit(7)));
    EXPECT_TRUE(d.agree(kVersion1));
    // Too late.
    d.put(common::kDriverFeatureSelect, 0, 4);
    d.put(common::kDriverFeature, 0xffffffff, 4);
    EXPECT_EQ(d.get(common::kDriverFeature, 4), 0u);
}

TEST_F(PciTransportTest, aModernDriverMustAgreeBeforeItIsReady) {
    PciDriver d = make();
    d.put(common::kDriverFeatureSelect, 1, 4);
    d.put(common::kDriverFeature, 1, 4);
    d.put(common::kStatus, kAcknowledge | kDriver | kDriverOk, 1);
    EXPECT_EQ(d.get(common::kStatus, 1), static_cast<uint64_t>(kAcknowledge | kDriver));
}

TEST_F(PciTransportTest, aModernDriverGetsItsBuffersFilledAndAnInterrupt) {
    PciDriver d = make();
    d.start(kEventIdx | kIndirect);
    const DriverBuffer buffer = d.room(64);
    const std::optional<UsedBuffer> used = d.run(0, {buffer});
    ASSERT_TRUE(used);
    EXPECT_EQ(used->written, 64u);
    EXPECT_GT(std::count_if(d.bytes(buffer).begin(), d.bytes(buffer).end(), [](uint8_t b) { return b != 0; }),
              40);
    EXPECT_EQ(machine.pins.log, "01.0:A+ ");
    EXPECT_EQ(d.get(kIsrAt, 1), 1u);
    EXPECT_EQ(d.get(kIsrAt, 1), 0u);
    EXPECT_EQ(machine.pins.log, "01.0:A+ 01.0:A- ");
}

TEST_F(PciTransportTest, buffersThatWaitedAreServedWhenTheDriverIsReady) {
    PciDriver d = make();
    ASSERT_TRUE(d.agree(kVersion1));
    RingDriver& ring = d.add_queue(0);
    const DriverBuffer buffer = d.room(16);
    ASSERT_TRUE(ring.add({&buffer, 1}, false));
    d.notify(0);
    EXPECT_FALSE(ring.take_used());
    d.ready();
    d.settle();
    EXPECT_TRUE(ring.take_used());
}

TEST_F(PciTransportTest, packedRingsWorkToo) {
    PciDriver d = make({{"packed", "on"}});
    d.start(kRingPacked | kEventIdx);
    for (unsigned i = 0; i < 50; ++i) {
        const std::optional<UsedBuffer> used = d.run(0, {d.room(16)});
        ASSERT_TRUE(used) << i;
        EXPECT_EQ(used->written, 16u);
    }
}

TEST_F(PciTransportTest, aLegacyDriverUsesOnePortWindow) {
    PciDriver d = make();
    d.out(legacy::kStatus, kAcknowledge, 1);
    d.out(legacy::kStatus, kAcknowledge | kDriver, 1);
    d.out(legacy::kGuestFeatures, 0, 4);
    d.out(legacy::kQueueSelect, 0, 2);
    const auto size = static_cast<uint16_t>(d.in(legacy::kQueueSize, 2));
    // The legacy layout: one piece, the used ring on a page of its own.
    const uint64_t at = machine.memory.allocate(3 * 4096);
    SplitDriver ring(machine.memory, size, 0);
    ring.place = {size, at, at + 16u * size, align_up(at + 16u * size + 6 + 2u * size, 4096)};
    d.out(legacy::kQueueFrame, static_cast<uint32_t>(at / 4096), 4);
    EXPECT_EQ(d.in(legacy::kQueueFrame, 4), at / 4096);
    // Used before it says that it is ready, as some did.
    const DriverBuffer buffer = d.room(32);
    ASSERT_TRUE(ring.add({&buffer, 1}, false));
    d.out(legacy::kNotify, 0, 2);
    d.settle();
    EXPECT_TRUE(ring.take_used());
    d.out(legacy::kStatus, kAcknowledge | kDriver | kDriverOk, 1);
    EXPECT_EQ(d.in(legacy::kIsr, 1), 1u);
    EXPECT_EQ(d.in(legacy::kStatus, 1), 7u);
    d.out(legacy::kQueueFrame, 0, 4);
    EXPECT_EQ(d.in(legacy::kStatus, 1), 0u);
}

TEST_F(PciTransportTest, aLegacyDriverThatForgotBusMasteringGetsIt) {
    PciDriver d = make();
    d.function().config_write(pci::kCommand, 3, 2);
    d.out(legacy::kStatus, kAcknowledge, 1);
    d.out(legacy::kStatus, kAcknowledge | kDriver, 1);
    EXPECT_EQ(d.function().config_read(pci::kCommand, 2), 7u);
}

TEST_F(PciTransportTest, buffersWaitForBusMastering) {
    PciDriver d = make();
    d.start();
    d.function().config_write(pci::kCommand, 3, 2);
    EXPECT_FALSE(d.run(0, {d.room(16)}));
    d.function().config_write(pci::kCommand, 7, 2);
    d.settle();
    EXPECT_TRUE(d.ring(0).take_used());
}

TEST_F(PciTransportTest, queueVectorsAreDeliveredByTheKernelAndWaitWhileMasked) {
    FakeRoutes kernel;
    VirtioMachine with_kernel;
    with_kernel.env.routes = &kernel;
    with_kernel.env.fds = &kernel;
    ASSERT_EQ(with_kernel.add(options({{"driver", "virtio-rng-pci"}, {"id", "rng"}})), "");
    PciDriver d(with_kernel, "rng");
    AddressSpace& memory = with_kernel.env.memory();
    const uint64_t entry = PciDriver::kMsix + 16;
    memory.store(Gpa(entry), 0xfee00000, 4);
    memory.store(Gpa(entry + 8), 0x41, 4);
    memory.store(Gpa(entry + 12), 0, 4);
    unsigned cap = d.function().config_read(pci::kCapabilities, 1);
    while (d.function().config_read(cap, 1) != pci::kCapMsix)
        cap = d.function().config_read(cap + 1, 1);
    d.function().config_write(cap + 2, 0x8000, 2);
    ASSERT_TRUE(d.agree(kVersion1));
    d.put(common::kQueueSelect, 0, 2);
    d.put(common::kQueueVector, 1, 2);
    d.add_queue(0);
    EXPECT_TRUE(kernel.attached.empty());
    d.ready();
    ASSERT_EQ(kernel.attached.size(), 1u);
    const auto [gsi, fd] = *kernel.attached.begin();
    EXPECT_EQ(kernel.table.at(gsi), (MsiMessage{0xfee00000, 0x41}));
    const auto signals = [descriptor = fd] {
        uint64_t count = 0;
        return ::read(descriptor, &count, sizeof count) == sizeof count ? count : 0;
    };
    ASSERT_TRUE(d.run(0, {d.room(16)}));
    EXPECT_EQ(signals(), 1u);
    EXPECT_TRUE(with_kernel.pins.messages.empty()) << "the kernel sends it";

    memory.store(Gpa(entry + 12), 1, 4);
    EXPECT_TRUE(kernel.attached.empty());
    ASSERT_TRUE(d.run(0, {d.room(16)}));
    EXPECT_EQ(memory.load(Gpa(PciDriver::kMsix + kMsixBarSize / 2), 4), 2u) << "pending";
    memory.store(Gpa(entry + 12), 0, 4);
    EXPECT_EQ(kernel.attached.size(), 1u);
    EXPECT_EQ(signals(), 1u) << "what waited is there for the kernel to send";

    memory.store(Gpa(entry + 12), 1, 4);
    ASSERT_TRUE(d.run(0, {d.room(16)}));
    d.put(common::kStatus, 0, 1);
    EXPECT_EQ(signals(), 0u) << "a reset forgets it";
}

TEST_F(PciTransportTest, messagesGoToTheVectorsThatWereChosen) {
    PciDriver d = make();
    for (unsigned i = 0; i < 2; ++i) {
        machine.env.memory().store(Gpa(PciDriver::kMsix + 16 * i), 0xfee00000, 4);
        machine.env.memory().store(Gpa(PciDriver::kMsix + 16 * i + 8), 0x40 + i, 4);
        machine.env.memory().store(Gpa(PciDriver::kMsix + 16 * i + 12), 0, 4);
    }
    d.function().config_write(d.function().config_size() > 256 ? 0 : 0, 0, 4);
    unsigned cap = d.function().config_read(pci::kCapabilities, 1);
    while (d.function().config_read(cap, 1) != pci::kCapMsix)
        cap = d.function().config_read(cap + 1, 1);
    EXPECT_EQ(d.function().config_read(cap + 2, 2), 1u);
    d.function().config_write(cap + 2, 0x8000, 2);
    ASSERT_TRUE(d.agree(kVersion1));
    d.put(common::kConfigVector, 0, 2);
    d.put(common::kQueueSelect, 0, 2);
    d.put(common::kQueueVector, 2, 2);
    EXPECT_EQ(d.get(common::kQueueVector, 2), kNoVector) << "there are two vectors";
    d.put(common::kQueueVector, 1, 2);
    EXPECT_EQ(d.get(common::kQueueVector, 2), 1u);
    d.add_queue(0);
    d.ready();
    ASSERT_TRUE(d.run(0, {d.room(16)}));
    ASSERT_EQ(machine.pins.messages.size(), 1u);
    EXPECT_EQ(machine.pins.messages[0], (MsiMessage{0xfee00000, 0x41}));
    EXPECT_EQ(machine.pins.log, "");
    EXPECT_EQ(d.get(kIsrAt, 1), 0u);
}

TEST_F(PciTransportTest, aBrokenRingAsksForAResetAndWorksAfterIt) {
    PciDriver d = make();
    d.start();
    d.machine().memory.put<uint16_t>(d.ring(0).place.driver + 2, 0x8000);
    d.notify(0);
    EXPECT_NE(d.get(common::kStatus, 1) & kNeedsReset, 0u);
    EXPECT_EQ(d.get(kIsrAt, 1), 3u);
    EXPECT_FALSE(d.run(0, {d.room(16)}));
    d.start();
    EXPECT_EQ(d.get(common::kStatus, 1) & kNeedsReset, 0u);
    EXPECT_TRUE(d.run(0, {d.room(16)}));
}

TEST_F(PciTransportTest, aQueueAtABadPlaceIsFoundWhenItStarts) {
    struct Row {
        uint64_t descriptors, driver, device;
        uint16_t size;
    };
    const Row rows[] = {{0x10008, 0x20000, 0x30000, 8}, {0x10000, 0x20001, 0x30000, 8},
                        {0x10000, 0x20000, 0x30002, 8}, {~uint64_t{0} << 4, 0x20000, 0x30000, 8},
                        {0x10000, 0x20000, 0x30000, 6}, {0x10000, 0x20000, 0x30000, 0},
                        {0x10000, 0x20000, 0x30000, 16}};
    PciDriver d = make();
    for (const Row& row : rows) {
        ASSERT_TRUE(d.agree(kVersion1));
        d.put(common::kQueueSelect, 0, 2);
        d.put(common::kQueueSize, row.size, 2);
        d.put(common::kQueueDesc, row.descriptors, 8);
        d.put(common::kQueueDriver, row.driver, 8);
        d.put(common::kQueueDevice, row.device, 8);
        d.put(common::kQueueEnable, 1, 2);
        d.ready();
        EXPECT_NE(d.get(common::kStatus, 1) & kNeedsReset, 0u) << std::hex << row.descriptors;
    }
}

TEST_F(PciTransportTest, aQueueIsResetAloneAndStartsAgain) {
    PciDriver d = make();
    d.start(kRingReset);
    ASSERT_TRUE(d.run(0, {d.room(16)}));
    d.put(common::kQueueSelect, 0, 2);
    d.put(common::kQueueReset, 1, 2);
    EXPECT_EQ(d.get(common::kQueueReset, 2), 0u);
    EXPECT_EQ(d.get(common::kQueueEnable, 2), 0u);
    d.notify(0);
    d.add_queue(0);
    EXPECT_EQ(d.get(common::kQueueEnable, 2), 1u);
    EXPECT_TRUE(d.run(0, {d.room(16)}));
}

TEST_F(PciTransportTest, registersReadAsWrittenAndAResetClearsThem) {
    PciDriver d = make();
    d.agree(kVersion1);
    d.put(common::kQueueSelect, 0, 2);
    for (uint32_t at : {common::kQueueDesc, common::kQueueDriver, common::kQueueDevice}) {
        d.put(at, 0x1122334455667788, 8);
        EXPECT_EQ(d.get(at, 8), 0x1122334455667788u);
        d.put(at + 4, 0, 4);
        EXPECT_EQ(d.get(at, 8), 0x55667788u);
    }
    d.put(common::kConfigVector, 1, 2);
    EXPECT_EQ(d.get(common::kConfigVector, 2), 1u);
    d.put(common::kStatus, 0, 1);
    EXPECT_EQ(d.get(common::kStatus, 1), 0u);
    EXPECT_EQ(d.get(common::kQueueDesc, 8), 0u);
    EXPECT_EQ(d.get(common::kConfigVector, 2), kNoVector);
    d.put(common::kQueueSelect, 7, 2);
    EXPECT_EQ(d.get(common::kQueueSize, 2), 0u);
    d.put(common::kQueueEnable, 1, 2);
}

TEST_F(PciTransportTest, theConfigurationWindowReachesTheRegisters) {
    PciDriver d = make();
    unsigned cap = d.function().config_read(pci::kCapabilities, 1);
    while (d.function().config_read(cap + 3, 1) != static_cast<uint32_t>(CapType::PciConfig) ||
           d.function().config_read(cap, 1) != pci::kCapVendor)
        cap = d.function().config_read(cap + 1, 1);
    const auto window = [&](uint32_t at, uint32_t size) {
        d.function().config_write(cap + kCapBar, kModernBar, 1);
        d.function().config_write(cap + kCapOffset, at, 4);
        d.function().config_write(cap + kCapSpan, size, 4);
    };
    window(common::kNumQueues, 2);
    EXPECT_EQ(d.function().config_read(cap + kCapExtra, 4), 1u);
    window(common::kStatus, 1);
    d.function().config_write(cap + kCapExtra, kAcknowledge, 1);
    EXPECT_EQ(d.get(common::kStatus, 1), uint64_t{kAcknowledge});
}

TEST_F(PciTransportTest, bytesAreRationed) {
    PciDriver d = make({{"max-bytes", "20"}, {"period", "1000"}});
    d.start();
    EXPECT_EQ(d.run(0, {d.room(16)})->written, 16u);
    EXPECT_EQ(d.run(0, {d.room(16)})->written, 4u);
    EXPECT_FALSE(d.run(0, {d.room(16)}));
    machine.env.clock.advance(999'999'999);
    d.settle();
    EXPECT_FALSE(d.ring(0).take_used());
    machine.env.clock.advance(1);
    d.settle();
    EXPECT_EQ(d.ring(0).take_used()->written, 16u);
}

TEST_F(PciTransportTest, aMachineResetResetsTheDevice) {
    PciDriver d = make();
    d.start();
    machine.resets.reset();
    EXPECT_EQ(d.function().config_read(pci::kCommand, 2), 0u);
    PciDriver again(machine, "rng");
    EXPECT_EQ(again.get(common::kStatus, 1), 0u);
    again.start();
    EXPECT_TRUE(again.run(0, {again.room(16)}));
}

}  // namespace
}  // namespace vmm::virtio
