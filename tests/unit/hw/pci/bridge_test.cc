// Bridges: what reaches the bus behind, and what comes back from it.
#include "hw/pci/bridge.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "hw/pci/express_cap.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/unit/hw/pci/tree_fixture.h"

namespace vmm::pci {
namespace {

constexpr Address kBridge{0, {2, 0}};
constexpr Address kInner{1, {3, 0}};  // a bridge behind the first

class PciBridges : public ::testing::Test, protected PciTree {
  protected:
    void SetUp() override {
        ASSERT_EQ(add({{"driver", "pci-bridge"}, {"id", "b1"}, {"chassis_nr", "1"}, {"addr", "2"}}), "");
        ASSERT_EQ(
            add({{"driver", "pci-bridge"}, {"id", "b2"}, {"bus", "b1"}, {"chassis_nr", "2"}, {"addr", "3"}}),
            "");
        ASSERT_EQ(add({{"driver", "test-function"}, {"id", "near"}, {"bus", "b1"}, {"addr", "5"}}), "");
        ASSERT_EQ(add({{"driver", "test-function"}, {"id", "far"}, {"bus", "b2"}, {"addr", "6"}}), "");
        resets.reset();
    }
    void number_all() {
        number(kBridge, 1, 2);
        number(kInner, 2, 2);
    }
};

TEST_F(PciBridges, theHeaderSaysBridge) {
    EXPECT_EQ(in(kBridge, kHeaderType, 1), 1u);
    EXPECT_EQ(in(kBridge, 0, 4), 0x00011b36u);
    EXPECT_EQ(in(kBridge, kClassCode + 1, 2), 0x0604u);
    EXPECT_EQ(in(kBridge, kPrefetchBase, 2) & 0xf, 1u);
}

TEST_F(PciBridges, onlyBusNumbersInRangeAreForwarded) {
    EXPECT_EQ(in({1, {5, 0}}, 0, 4), 0xffffffffu);
    number(kBridge, 1, 1);
    EXPECT_EQ(in({1, {5, 0}}, 0, 4), 0x56781234u);
    EXPECT_EQ(in({2, {6, 0}}, 0, 4), 0xffffffffu);
    number(kBridge, 1, 2);
    EXPECT_EQ(in({2, {6, 0}}, 0, 4), 0xffffffffu);
    number(kInner, 2, 2);
    EXPECT_EQ(in({2, {6, 0}}, 0, 4), 0x56781234u);
    EXPECT_EQ(in({3, {6, 0}}, 0, 4), 0xffffffffu);
    number(kBridge, 7, 9);
    EXPECT_EQ(in({1, {5, 0}}, 0, 4), 0xffffffffu);
    EXPECT_EQ(in({7, {5, 0}}, 0, 4), 0x56781234u);
    EXPECT_EQ(in({2, {6, 0}}, 0, 4), 0xffffffffu);
}

TEST_F(PciBridges, thePortsReachOtherBusesToo) {
    number_all();
    env.ports().store(Gpa(kConfigAddressPort), 0x80000000u | 2u << 16 | DevFn{6, 0}.raw() << 8, 4);
    EXPECT_EQ(env.ports().load(Gpa(kConfigDataPort), 4), 0x56781234u);
}

TEST_F(PciBridges, behindAConventionalBusThereAre256Bytes) {
    number_all();
    EXPECT_EQ(in({1, {5, 0}}, 0xfc, 4), 0u);
    EXPECT_EQ(in({1, {5, 0}}, 0x100, 4), 0xffffffffu);
}

TEST_F(PciBridges, memoryShowsOnlyThroughOpenWindows) {
    number_all();
    out({2, {6, 0}}, kBar0, 0xc0100000, 4);
    out({2, {6, 0}}, kCommand, kCommandMemory, 2);
    EXPECT_EQ(byte_at(0xc0100000), 0xff);
    out(kInner, kMemoryBase, 0xc010c010, 4);
    out(kInner, kCommand, kCommandMemory, 2);
    EXPECT_EQ(byte_at(0xc0100000), 0xff);
    out(kBridge, kMemoryBase, 0xc020c000, 4);
    EXPECT_EQ(byte_at(0xc0100000), 0xff);
    out(kBridge, kCommand, kCommandMemory, 2);
    EXPECT_EQ(byte_at(0xc0100000), 'm');
    out(kBridge, kMemoryBase, 0xc020c020, 4);
    EXPECT_EQ(byte_at(0xc0100000), 0xff);
    out(kBridge, kMemoryBase, 0xc010c010, 4);
    EXPECT_EQ(byte_at(0xc0100000), 'm');
    out(kBridge, kMemoryBase, 0xc010c020, 4);  // base above limit
    EXPECT_EQ(byte_at(0xc0100000), 0xff);
}

TEST_F(PciBridges, thePrefetchWindowReaches64Bits) {
    number_all();
    out({1, {5, 0}}, kBar0 + 8, 0x4000, 4);
    out({1, {5, 0}}, kBar0 + 12, 0x80, 4);
    out({1, {5, 0}}, kCommand, kCommandMemory, 2);
    out(kBridge, kPrefetchBase, 0x00000000, 4);
    out(kBridge, kPrefetchBaseUpper, 0x80, 4);
    out(kBridge, kPrefetchLimitUpper, 0x80, 4);
    EXPECT_EQ(byte_at(0x8000004000), 0xff);
    out(kBridge, kCommand, kCommandMemory, 2);
    EXPECT_EQ(byte_at(0x8000004000), 'l');
    out(kBridge, kPrefetchBaseUpper, 0x81, 4);
    EXPECT_EQ(byte_at(0x8000004000), 0xff);
}

TEST_F(PciBridges, portsShowThroughTheIoWindow) {
    number_all();
    out({1, {5, 0}}, kBar0 + 4, 0xd000, 4);
    out({1, {5, 0}}, kCommand, kCommandIo, 2);
    out(kBridge, kIoBase, 0xd0d0, 2);
    EXPECT_EQ(port_at(0xd000), 0xff);
    out(kBridge, kCommand, kCommandIo, 2);
    EXPECT_EQ(port_at(0xd000), 'i');
    out(kBridge, kIoBase, 0xe0e0, 2);
    EXPECT_EQ(port_at(0xd000), 0xff);
}

TEST_F(PciBridges, theVgaBitOpensTheVgaRanges) {
    number_all();
    out({1, {5, 0}}, kBar0, 0xa0000, 4);
    out({1, {5, 0}}, kCommand, kCommandMemory, 2);
    out(kBridge, kCommand, kCommandMemory | kCommandIo, 2);
    EXPECT_EQ(byte_at(0xa0000), 0xff);
    out(kBridge, kBridgeControl, kBridgeControlVga, 2);
    EXPECT_EQ(byte_at(0xa0000), 'm');
    out(kBridge, kBridgeControl, 0, 2);
    EXPECT_EQ(byte_at(0xa0000), 0xff);
}

TEST_F(PciBridges, theResetBitResetsAllBehind) {
    number_all();
    out({1, {5, 0}}, kInterruptLine, 11, 1);
    out({2, {6, 0}}, kInterruptLine, 12, 1);
    out(kBridge, kInterruptLine, 13, 1);
    out(kBridge, kBridgeControl, kBridgeControlReset, 2);
    EXPECT_EQ(in({1, {5, 0}}, 0, 4), 0xffffffffu);  // dead while the wire is down
    out(kBridge, kBridgeControl, 0, 2);
    EXPECT_EQ(in({1, {5, 0}}, kInterruptLine, 1), 0u);
    EXPECT_EQ(in(kInner, kSecondaryBus, 1), 0u);
    number(kInner, 2, 2);
    EXPECT_EQ(in({2, {6, 0}}, kInterruptLine, 1), 0u);
    EXPECT_EQ(in(kBridge, kInterruptLine, 1), 13u);
}

TEST_F(PciBridges, pinsTurnOnTheirWayUpAndAreShared) {
    auto& near = static_cast<NamedFunction&>(function("near"));  // slot 5 pin B: (5 + 1) % 4 = C of b1
    auto& far = static_cast<NamedFunction&>(function("far"));    // slot 6 B -> D of b2 in slot 3 -> C of b1
    near.pin(true);
    EXPECT_EQ(pins.log, "02.0:C+ ");
    far.pin(true);
    near.pin(false);
    EXPECT_EQ(pins.log, "02.0:C+ ");
    far.pin(false);
    EXPECT_EQ(pins.log, "02.0:C+ 02.0:C- ");
}

TEST_F(PciBridges, aMachineResetClosesEverything) {
    number_all();
    out(kBridge, kMemoryBase, 0xc010c010, 4);
    out(kBridge, kCommand, kCommandMemory, 2);
    const size_t sections = env.memory().view()->sections().size();
    out({1, {5, 0}}, kBar0, 0xc0100000, 4);
    out({1, {5, 0}}, kCommand, kCommandMemory, 2);
    EXPECT_GT(env.memory().view()->sections().size(), sections);
    resets.reset();
    EXPECT_EQ(in({1, {5, 0}}, 0, 4), 0xffffffffu);
    EXPECT_EQ(byte_at(0xc0100000), 0xff);
    number(kBridge, 1, 2);
    EXPECT_EQ(in({1, {5, 0}}, kCommand, 2), 0u);
}

TEST_F(PciBridges, addressesAreGivenAndRefused) {
    EXPECT_EQ(add({{"driver", "test-function"}, {"bus", "b1"}, {"addr", "5"}}),
              "PCI address 05.0 is in use by test-function");
    EXPECT_EQ(add({{"driver", "test-function"}, {"id", "free"}, {"bus", "b1"}}), "");
    EXPECT_EQ(function("free").devfn(), (DevFn{0, 0}));
    EXPECT_EQ(add({{"driver", "test-function"}, {"id", "root"}}), "");
    EXPECT_EQ(function("root").bus(), &root);
    tree.set_running();
    EXPECT_EQ(add({{"driver", "test-function"}}), "Bus 'pcie.0' does not support hotplugging");
    EXPECT_EQ(add({{"driver", "test-function"}, {"bus", "b1"}}), "Bus 'b1' does not support hotplugging");
}

class RomFile {
  public:
    explicit RomFile(size_t size) { std::ofstream(path, std::ios::binary) << std::string(size, 'R'); }

    const TemporaryFolder folder;
    const std::string path = folder / "option.rom";
};

TEST(PciOptionRom, ShowsWhereItsRegisterSaysWhileItIsEnabled) {
    const RomFile rom(0x1800);
    PciTree t;
    ASSERT_EQ(t.add({{"driver", "test-function"}, {"addr", "4"}, {"romfile", rom.path}}), "");
    const Address at{0, {4, 0}};
    t.out(at, kExpansionRom, 0xfffff800, 4);
    EXPECT_EQ(t.in(at, kExpansionRom, 4), 0xffffe000u);  // 8 KiB
    t.out(at, kExpansionRom, 0xd0000000, 4);
    t.out(at, kCommand, kCommandMemory, 2);
    EXPECT_EQ(t.byte_at(0xd0000000), 0xff);
    t.out(at, kExpansionRom, 0xd0000001, 4);
    EXPECT_EQ(t.byte_at(0xd0000000), 'R');
    EXPECT_EQ(t.byte_at(0xd00017ff), 'R');
    EXPECT_EQ(t.byte_at(0xd0001800), 0);
    t.env.memory().store(Gpa(0xd0000000), 0, 1);
    EXPECT_EQ(t.byte_at(0xd0000000), 'R');
    t.out(at, kCommand, 0, 2);
    EXPECT_EQ(t.byte_at(0xd0000000), 0xff);
}

TEST(PciOptionRom, WhatCannotBeIsRefused) {
    const RomFile rom(0x1800);
    PciTree t;
    EXPECT_EQ(t.add({{"driver", "test-function"}, {"romfile", rom.path}, {"rombar", "0"}}),
              "romfile= with rombar=0: an option ROM needs its BAR");
    EXPECT_NE(t.add({{"driver", "test-function"}, {"romfile", rom.path}, {"romsize", "4096"}}), "");
    EXPECT_NE(t.add({{"driver", "test-function"}, {"romfile", "/no/such/file"}}), "");
    EXPECT_EQ(t.add({{"driver", "test-function"}, {"rombar", "0"}}), "");
    EXPECT_EQ(t.add({{"driver", "test-function"}, {"romfile", rom.path}, {"romsize", "65536"}}), "");
}

// A function that can be reset through its express capability.
class ResettableFunction final : public Function {
  public:
    ResettableFunction() : Function({.vendor = 0x1234, .device = 2, .express = true}, "") {
        {
            Locked lock(mutex());
            at = add_express_capability(config(), {.function_reset = true});
        }
        freeze();
    }
    std::string_view type() const override { return "resettable-function"; }
    void reset_enter() override {
        Function::reset_enter();
        ++resets;
    }
    unsigned at = 0, resets = 0;
};

TEST(PciFunctionReset, ClearsTheFunctionAndItself) {
    PciWorld world;
    ResettableFunction function;
    ASSERT_TRUE(world.bus.plug(function, {3, 0}));
    const Address at{0, {3, 0}};
    const unsigned control = function.at + kExpressDeviceControl;
    world.bus.config_write(at, kCommand, kCommandMaster, 2);
    world.bus.config_write(at, control, 0x000f, 2);
    EXPECT_EQ(function.resets, 0u);
    world.bus.config_write(at, control, 0x800f, 2);
    EXPECT_EQ(function.resets, 1u);
    EXPECT_EQ(world.bus.config_read(at, control, 2), 0u);
    EXPECT_EQ(world.bus.config_read(at, kCommand, 2), 0u);
    world.bus.unplug(function);
}

TEST(PciBridgeOptions, whatCannotBeIsRefused) {
    PciTree t;
    EXPECT_EQ(t.add({{"driver", "pci-bridge"}}),
              "PCI bridge chassis not specified: give each bridge its own chassis_nr, 1 to 255");
    EXPECT_EQ(t.add({{"driver", "pci-bridge"}, {"chassis_nr", "1"}, {"shpc", "on"}}),
              "pci-bridge: shpc=on: there is no standard hot-plug controller");
    ASSERT_EQ(t.add({{"driver", "i82801b11-bridge"}, {"id", "dmi"}, {"addr", "1e"}}), "");
    EXPECT_EQ(t.in({0, {0x1e, 0}}, 0, 4), 0x244e8086u);
    EXPECT_EQ(t.add({{"driver", "pcie-pci-bridge"}, {"bus", "dmi"}}),
              "pcie-pci-bridge goes onto a PCI Express bus, not onto 'dmi'");
    EXPECT_EQ(t.add({{"driver", "pcie-root-port"}, {"bus", "dmi"}}),
              "pcie-root-port goes onto a root bus (pcie.0), not onto 'dmi'");
    EXPECT_EQ(t.add({{"driver", "x3130-upstream"}}),
              "x3130-upstream goes below a root port or a downstream port, not onto 'pcie.0'");
    EXPECT_EQ(t.add({{"driver", "xio3130-downstream"}}),
              "xio3130-downstream goes onto the bus of an x3130-upstream, not onto 'pcie.0'");
}

}  // namespace
}  // namespace vmm::pci
