// Functions on a bus as the guest sees them: through the ports, the window and the BARs.
#include "hw/pci/bus.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/pci/pci_fixture.h"

namespace vmm::pci {
namespace {

constexpr DevFn kSlot{3, 0};

class PciBus : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(world.bus.plug(function, kSlot)); }
    void TearDown() override { world.bus.unplug(function); }
    uint8_t byte_at(uint64_t address) {
        return static_cast<uint8_t>(world.memory_space.load(Gpa(address), 1));
    }
    PciWorld world;
    TestFunction function;
};

TEST_F(PciBus, portsReadTheHeaderInEveryWidth) {
    EXPECT_EQ(world.config_in(kSlot, kVendorId, 4), 0x56781234u);
    EXPECT_EQ(world.config_in(kSlot, kDeviceId, 2), 0x5678u);
    EXPECT_EQ(world.config_in(kSlot, kRevision, 4), 0xff010209u);
    EXPECT_EQ(world.config_in(kSlot, 0x0b, 1), 0xffu);
    EXPECT_EQ(world.config_in(kSlot, kSubsystemVendorId, 4), 0xbbbbaaaau);
    EXPECT_EQ(world.config_in(kSlot, kInterruptPin, 1), 2u);
}

TEST_F(PciBus, whereNoFunctionIsAllOnesAreRead) {
    EXPECT_EQ(world.config_in({4, 0}, 0, 4), 0xffffffffu);
    EXPECT_EQ(world.config_in({3, 1}, 0, 2), 0xffffu);
    world.config_out({4, 0}, kCommand, 7, 2);
}

TEST_F(PciBus, dataPortsAreDeadWhileTheEnableBitIsClear) {
    world.out(kConfigAddressPort, PciWorld::config_address(kSlot, 0) & 0x7fffffff, 4);
    EXPECT_EQ(world.in(kConfigDataPort, 4), 0xffffffffu);
}

TEST_F(PciBus, onlyADoublewordReachesTheAddressRegister) {
    world.out(kConfigAddressPort, PciWorld::config_address(kSlot, 0), 4);
    world.out(kConfigAddressPort, 0, 1);
    world.out(kConfigAddressPort, 0, 2);
    EXPECT_EQ(world.in(kConfigAddressPort, 4), PciWorld::config_address(kSlot, 0));
}

TEST_F(PciBus, theWindowReachesExtendedSpaceAndOtherBusesAreEmpty) {
    const uint64_t base = 0xb0000000 + (uint64_t{kSlot.raw()} << 12);
    EXPECT_EQ(world.memory_space.load(Gpa(base), 4), 0x56781234u);
    EXPECT_EQ(world.memory_space.load(Gpa(base + 0xffc), 4), 0u);
    EXPECT_EQ(world.memory_space.load(Gpa(base + (1 << 20)), 4), 0xffffffffu);
    world.memory_space.store(Gpa(base + kInterruptLine), 0x0b, 1);
    EXPECT_EQ(world.config_in(kSlot, kInterruptLine, 1), 0x0bu);
}

TEST_F(PciBus, barSizingShowsTheSizeAndTheKind) {
    for (unsigned bar = 0; bar < 4; ++bar)
        world.config_out(kSlot, kBar0 + 4 * bar, 0xffffffff, 4);
    EXPECT_EQ(world.config_in(kSlot, kBar0, 4), 0xfffff000u);
    EXPECT_EQ(world.config_in(kSlot, kBar0 + 4, 4), 0xffffffe1u);
    EXPECT_EQ(world.config_in(kSlot, kBar0 + 8, 4), 0xffffc004u);
    EXPECT_EQ(world.config_in(kSlot, kBar0 + 12, 4), 0xffffffffu);
    EXPECT_EQ(world.config_in(kSlot, kBar0 + 16, 4), 0u);
}

TEST_F(PciBus, aBarShowsOnlyWhileDecodingIsOnAndFollowsItsRegister) {
    world.config_out(kSlot, kBar0, 0xc0000000, 4);
    EXPECT_EQ(byte_at(0xc0000000), 0xff);
    world.config_out(kSlot, kCommand, kCommandMemory, 2);
    EXPECT_EQ(byte_at(0xc0000000), 'm');
    world.config_out(kSlot, kBar0, 0xc0010000, 4);
    EXPECT_EQ(byte_at(0xc0000000), 0xff);
    EXPECT_EQ(byte_at(0xc0010000), 'm');
    world.config_out(kSlot, kBar0 + 8, 0x00004000, 4);
    world.config_out(kSlot, kBar0 + 12, 0x8, 4);
    EXPECT_EQ(byte_at(0x800004000), 'l');
    world.config_out(kSlot, kCommand, 0, 2);
    EXPECT_EQ(byte_at(0xc0010000), 0xff);
    EXPECT_EQ(byte_at(0x800004000), 0xff);
}

TEST_F(PciBus, anIoBarDecodesPorts) {
    world.config_out(kSlot, kBar0 + 4, 0xc020, 4);
    world.config_out(kSlot, kCommand, kCommandIo, 2);
    EXPECT_EQ(world.in(0xc020, 1), uint32_t{'i'});
    EXPECT_EQ(world.in(0xc03f, 1), uint32_t{'i'});
    EXPECT_EQ(world.in(0xc040, 1), 0xffu);
}

TEST_F(PciBus, addressesLeftBySizingAndZeroAreNotDecoded) {
    world.config_out(kSlot, kCommand, kCommandMemory, 2);
    world.config_out(kSlot, kBar0, 0xffffffff, 4);
    EXPECT_EQ(byte_at(0xfffff000), 0xff);
    world.config_out(kSlot, kBar0, 0, 4);
    EXPECT_EQ(byte_at(0), 0xff);
}

TEST_F(PciBus, thePinFollowsTheLevelAndTheDisableBit) {
    function.pin(true);
    EXPECT_EQ(world.pins.log, "03.0:B+ ");
    EXPECT_EQ(world.config_in(kSlot, kStatus, 2) & kStatusInterrupt, kStatusInterrupt);
    world.config_out(kSlot, kCommand, kCommandIntxOff, 2);
    EXPECT_EQ(world.pins.log, "03.0:B+ 03.0:B- ");
    EXPECT_EQ(world.config_in(kSlot, kStatus, 2) & kStatusInterrupt, kStatusInterrupt);
    world.config_out(kSlot, kCommand, 0, 2);
    function.pin(false);
    EXPECT_EQ(world.pins.log, "03.0:B+ 03.0:B- 03.0:B+ 03.0:B- ");
}

TEST_F(PciBus, resetTakesTheBarsAwayAndLowersThePin) {
    world.config_out(kSlot, kBar0, 0xc0000000, 4);
    world.config_out(kSlot, kCommand, kCommandMemory, 2);
    function.pin(true);
    function.reset_enter();
    function.reset_hold();
    EXPECT_EQ(byte_at(0xc0000000), 0xff);
    EXPECT_EQ(world.config_in(kSlot, kCommand, 2), 0u);
    EXPECT_EQ(world.config_in(kSlot, kBar0, 4), 0u);
    EXPECT_EQ(world.pins.log, "03.0:B+ 03.0:B- ");
}

TEST_F(PciBus, aTakenAddressAndASecondFunctionOfASingleOneAreRefused) {
    TestFunction other;
    EXPECT_FALSE(world.bus.plug(other, kSlot));
    EXPECT_FALSE(world.bus.plug(other, {3, 1}));
    TestFunction many(true), second;
    ASSERT_TRUE(world.bus.plug(many, {5, 0}));
    ASSERT_TRUE(world.bus.plug(second, {5, 1}));
    EXPECT_EQ(world.config_in({5, 1}, 0, 4), 0x56781234u);
    world.bus.unplug(second);
    world.bus.unplug(many);
    EXPECT_EQ(world.config_in({5, 1}, 0, 4), 0xffffffffu);
}

TEST(Swizzle, pinsRotateByDeviceNumber) {
    EXPECT_EQ(swizzle(0, 0), 0u);
    EXPECT_EQ(swizzle(1, 0), 1u);
    EXPECT_EQ(swizzle(3, 2), 1u);
}

}  // namespace
}  // namespace vmm::pci
