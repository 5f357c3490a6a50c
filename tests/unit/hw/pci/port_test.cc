// Ports: their capabilities, and hot-plug as a guest's driver sees it.
#include "hw/pci/port.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/pci/tree_fixture.h"

namespace vmm::pci {
namespace {

constexpr Address kPort{0, {3, 0}};
constexpr Address kBehind{1, {0, 0}};
constexpr unsigned kCap = 0x54;
constexpr unsigned kControl = kCap + kExpressSlotControl, kSlotStatus = kCap + kExpressSlotStatus;

// Slot control.
constexpr uint16_t kOn = 0x0100 | 0x00c0, kBlink = 0x0200 | 0x00c0, kOff = 0x0300 | 0x0400 | 0x00c0;
constexpr uint16_t kAllEvents = 0x0039;  // interrupts on: button, presence, command completed
// Slot status.
constexpr uint16_t kButton = 1, kPresenceChanged = 8, kCompleted = 0x10, kPresent = 0x40, kInterlocked = 0x80;

class RootPorts : public ::testing::Test, protected PciTree {
  protected:
    void SetUp() override {
        ASSERT_EQ(
            add({{"driver", "pcie-root-port"}, {"id", "rp"}, {"addr", "3"}, {"chassis", "1"}, {"slot", "7"}}),
            "");
    }
    void start() {
        resets.reset();
        tree.set_running();
        number(kPort, 1, 1);
    }
    uint16_t status() { return static_cast<uint16_t>(in(kPort, kSlotStatus, 2)); }
    void control(uint16_t value) { out(kPort, kControl, value, 2); }
    void clear() { out(kPort, kSlotStatus, 0xffff, 2); }
    std::string plug(const char* id = "dev") {
        return add({{"driver", "test-function"}, {"id", id}, {"bus", "rp"}});
    }
};

TEST_F(RootPorts, capabilitiesAreWhereDriversKnowThem) {
    EXPECT_EQ(in(kPort, 0, 4), 0x000c1b36u);
    EXPECT_EQ(in(kPort, kCap, 1), kCapExpress);
    EXPECT_EQ(in(kPort, kCap + kExpressFlags, 2), 0x0142u);  // version 2, root port, slot
    EXPECT_EQ(in(kPort, 0x48, 1), kCapMsix);
    EXPECT_EQ(in(kPort, 0x40, 1), kCapSubsystem);
    EXPECT_EQ(in(kPort, 0x100, 4), 0x14820001u);
    EXPECT_EQ(in(kPort, 0x148, 4), 0x0001000du);
    EXPECT_EQ(in(kPort, kCap + kExpressSlotCap, 4), 7u << 19 | 0x2007bu);
    EXPECT_EQ(in(kPort, kCap + kExpressLinkCap, 4) & 0x3ff, 4u | 32u << 4);
    EXPECT_EQ(in(kPort, kCap + kExpressLinkCap2, 4), 0x1eu);
}

TEST_F(RootPorts, whatTheGuestMayWriteIsWhatTheSpecificationSays) {
    struct Row {
        unsigned offset, size;
        uint32_t writable;
    };
    start();
    for (const Row& row :
         {Row{kCap + kExpressDeviceControl, 2, 0x000f}, Row{kCap + kExpressLinkControl, 2, 0x00c3},
          Row{kCap + kExpressRootControl, 2, 0x0007}, Row{kCap + kExpressLinkControl2, 2, 0x000f},
          Row{0x10c, 4, 0x03fff030}, Row{0x12c, 4, 7}, Row{0x14e, 2, 0x5f}, Row{kBridgeControl, 2, 0x5f},
          Row{kCap + kExpressSlotCap, 4, 0}, Row{kIoBase, 1, 0xf0}}) {
        const uint32_t before = in(kPort, row.offset, row.size);
        out(kPort, row.offset, 0, row.size);
        const uint32_t zeros = in(kPort, row.offset, row.size);
        out(kPort, row.offset, ~0u, row.size);
        EXPECT_EQ(in(kPort, row.offset, row.size) ^ zeros, row.writable) << std::hex << row.offset;
        out(kPort, row.offset, before, row.size);
    }
}

TEST_F(RootPorts, aSlotFilledBeforeTheStartHasPower) {
    ASSERT_EQ(plug(), "");
    start();
    EXPECT_EQ(status(), kPresent);
    EXPECT_EQ(in(kPort, kControl, 2), kOn);
    EXPECT_EQ(in(kPort, kCap + kExpressLinkStatus, 2) & kExpressLinkActive, kExpressLinkActive);
    EXPECT_EQ(in(kBehind, 0, 4), 0x56781234u);
    EXPECT_EQ(in(kBehind, 0xffc, 4), 0u);
}

TEST_F(RootPorts, anEmptySlotIsOff) {
    start();
    EXPECT_EQ(status(), 0);
    EXPECT_EQ(in(kPort, kControl, 2), kOff);
}

TEST_F(RootPorts, aDeviceComesWhenTheGuestSwitchesItOn) {
    start();
    control(kOff | kAllEvents);
    clear();
    EXPECT_EQ(pins.log, "03.0:A+ 03.0:A- ");  // command completed, acknowledged
    ASSERT_EQ(plug(), "");
    EXPECT_EQ(status(), kPresent | kPresenceChanged | kButton);
    EXPECT_EQ(pins.log, "03.0:A+ 03.0:A- 03.0:A+ ");
    clear();
    EXPECT_EQ(in(kBehind, 0, 4), 0xffffffffu);
    control(kOn | kAllEvents);
    EXPECT_EQ(status(), kPresent | kCompleted);
    EXPECT_EQ(in(kBehind, 0, 4), 0x56781234u);
}

TEST_F(RootPorts, aDeviceGoesWhenTheGuestSwitchesItOff) {
    ASSERT_EQ(plug(), "");
    start();
    control(kOn | kAllEvents);
    clear();
    ASSERT_TRUE(tree.request_removal("dev"));
    EXPECT_EQ(status(), kPresent | kButton);
    clear();
    control(kBlink | kAllEvents);
    settle();
    EXPECT_TRUE(deleted.empty());
    control(kOff | kAllEvents);
    EXPECT_EQ(in(kBehind, 0, 4), 0xffffffffu);
    settle();
    EXPECT_EQ(deleted, std::vector<std::string>{"dev"});
    EXPECT_EQ(status(), kPresenceChanged | kCompleted);
    EXPECT_TRUE(static_cast<Bridge&>(function("rp")).secondary().empty());
}

TEST_F(RootPorts, anUnpluggedSlotCanBeFilledAgain) {
    ASSERT_EQ(plug(), "");
    start();
    for (int round = 0; round < 3; ++round) {
        control(kOn);
        ASSERT_TRUE(tree.request_removal("dev"));
        control(kOff);
        settle();
        ASSERT_EQ(plug(), "");
    }
    EXPECT_EQ(deleted.size(), 3u);
}

TEST_F(RootPorts, aBusyGuestIsNotAskedTwice) {
    ASSERT_EQ(plug(), "");
    start();
    control(kBlink);
    Status asked = tree.request_removal("dev");
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().text(), "Hot-unplug failed: guest is busy (power indicator blinking)");
}

TEST_F(RootPorts, nobodyIsAskedAboutASlotThatIsOff) {
    start();
    ASSERT_EQ(plug(), "");
    ASSERT_TRUE(tree.request_removal("dev"));
    settle();
    EXPECT_EQ(deleted, std::vector<std::string>{"dev"});
}

TEST_F(RootPorts, aResetEndsWhatWasAsked) {
    ASSERT_EQ(plug(), "");
    start();
    ASSERT_TRUE(tree.request_removal("dev"));
    resets.reset();
    settle();
    EXPECT_EQ(deleted, std::vector<std::string>{"dev"});
}

TEST_F(RootPorts, aLockedSlotTakesNothing) {
    start();
    control(kOff | 0x0800);
    EXPECT_EQ(status() & kInterlocked, kInterlocked);
    EXPECT_EQ(in(kPort, kControl, 2) & 0x0800, 0u);
    EXPECT_EQ(plug(), "PCI address 00.0: the slot of 'rp' is locked by the guest");
    control(kOff | 0x0800);
    EXPECT_EQ(plug(), "");
}

TEST_F(RootPorts, eventsAreMessagesWhenTheGuestWantsThem) {
    start();
    constexpr uint64_t kTable = 0xc0000000;
    out(kPort, kBar0, kTable, 4);
    out(kPort, kCommand, kCommandMemory | kCommandMaster, 2);
    env.memory().store(Gpa(kTable), 0xfee00000, 4);
    env.memory().store(Gpa(kTable + 8), 0x41, 4);
    env.memory().store(Gpa(kTable + 12), 0, 4);
    out(kPort, 0x4a, 0x8000, 2);
    control(kOff | kAllEvents);
    ASSERT_EQ(pins.messages.size(), 1u);
    EXPECT_EQ(pins.messages[0], (MsiMessage{0xfee00000, 0x41}));
    ASSERT_EQ(plug(), "");
    EXPECT_EQ(pins.messages.size(), 1u);  // still up
    clear();
    control(kOn | kAllEvents);
    EXPECT_EQ(pins.messages.size(), 2u);
    EXPECT_EQ(pins.log, "");
}

TEST_F(RootPorts, aSlotIsOnceInAChassis) {
    EXPECT_EQ(add({{"driver", "pcie-root-port"}, {"chassis", "1"}, {"slot", "7"}}),
              "slot 7 of chassis 1 is another port's: give it its own chassis= or slot=");
    EXPECT_EQ(add({{"driver", "ioh3420"}, {"chassis", "2"}, {"slot", "7"}, {"addr", "4"}}), "");
    EXPECT_EQ(in({0, {4, 0}}, 0, 4), 0x34208086u);
    EXPECT_EQ(in({0, {4, 0}}, 0x90, 1), kCapExpress);
}

TEST_F(RootPorts, behindAPortSlot0IsGivenAndOthersOnlyWhenAskedFor) {
    ASSERT_EQ(plug(), "");
    EXPECT_EQ(plug("second"), "PCI: no slot/function available on bus 'rp'");
    EXPECT_EQ(add({{"driver", "test-function"}, {"bus", "rp"}, {"addr", "3"}}), "");
    start();
    EXPECT_EQ(in({1, {3, 0}}, 0, 4), 0x56781234u);
}

TEST_F(RootPorts, withoutHotplugNothingComesOrGoes) {
    ASSERT_EQ(add({{"driver", "pcie-root-port"}, {"id", "fixed"}, {"chassis", "9"}, {"hotplug", "off"}}), "");
    ASSERT_EQ(add({{"driver", "test-function"}, {"id", "f"}, {"bus", "fixed"}}), "");
    start();
    EXPECT_FALSE(tree.request_removal("f"));
}

TEST_F(RootPorts, reservationsAreACapability) {
    ASSERT_EQ(add({{"driver", "pcie-root-port"},
                   {"id", "r"},
                   {"addr", "5"},
                   {"chassis", "5"},
                   {"bus-reserve", "3"},
                   {"io-reserve", "0"},
                   {"pref64-reserve", "4G"}}),
              "");
    const Address at{0, {5, 0}};
    const unsigned cap = in(at, kCapabilities, 1);
    EXPECT_EQ(in(at, cap, 1), kCapVendor);
    EXPECT_EQ(in(at, cap + 2, 2), 0x0120u);
    EXPECT_EQ(in(at, cap + 4, 4), 3u);
    EXPECT_EQ(in(at, cap + 8, 4), 0u);
    EXPECT_EQ(in(at, cap + 16, 4), 0xffffffffu);
    EXPECT_EQ(in(at, cap + 28, 4), 1u);
    out(at, kCommand, 7, 2);
    EXPECT_EQ(in(at, kCommand, 2), 6u);
    EXPECT_EQ(add({{"driver", "pcie-root-port"}, {"pref32-reserve", "1M"}, {"pref64-reserve", "1M"}}),
              "pref32-reserve and pref64-reserve exclude each other");
    EXPECT_EQ(add({{"driver", "pcie-root-port"}, {"mem-reserve", "4G"}}), "mem-reserve must be less than 4G");
    EXPECT_EQ(in(kPort, 0x90, 1), 0u);  // none there
}

TEST_F(RootPorts, aSwitchHasPortsOnItsBus) {
    ASSERT_EQ(add({{"driver", "x3130-upstream"}, {"id", "up"}, {"bus", "rp"}}), "");
    ASSERT_EQ(add({{"driver", "xio3130-downstream"},
                   {"id", "down"},
                   {"bus", "up"},
                   {"chassis", "3"},
                   {"addr", "4"}}),
              "");
    ASSERT_EQ(add({{"driver", "test-function"}, {"id", "leaf"}, {"bus", "down"}}), "");
    resets.reset();
    number(kPort, 1, 3);
    number({1, {0, 0}}, 2, 3);
    number({2, {4, 0}}, 3, 3);
    EXPECT_EQ(in({2, {4, 0}}, 0, 4), 0x8233104cu);
    EXPECT_EQ(in({3, {0, 0}}, 0, 4), 0x56781234u);
    static_cast<NamedFunction&>(function("leaf")).pin(true);  // B; slot 4 of the switch adds 4
    EXPECT_EQ(pins.log, "03.0:B+ ");
}

}  // namespace
}  // namespace vmm::pci
