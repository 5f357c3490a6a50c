// Masks, write-one-to-clear bits and the capability chain; PCI address texts.
#include "hw/pci/config_space.h"

#include <gtest/gtest.h>

#include "hw/pci/address.h"

namespace vmm::pci {
namespace {

TEST(ConfigSpace, nothingIsWritableUntilSaid) {
    ConfigSpace space(kConventionalSize);
    space.set32(0x40, 0x12345678);
    space.write(0x40, 0xffffffff, 4);
    EXPECT_EQ(space.load32(0x40), 0x12345678u);
}

TEST(ConfigSpace, writableAndClearableBitsMixWithinAByte) {
    ConfigSpace space(kConventionalSize);
    space.set8(0x40, 0b1111'0101);
    space.set_writable(0x40, 0b0000'1111, 1);
    space.set_write_one_clears(0x40, 0b1100'0000, 1);
    space.write(0x40, 0b1001'1010, 1);
    EXPECT_EQ(space.load8(0x40), 0b0111'1010);
}

TEST(ConfigSpace, aWideWriteTouchesEachByteByItsOwnMask) {
    ConfigSpace space(kConventionalSize);
    space.set_writable(0x40, 0xff00f0ff, 4);
    space.write(0x40, 0xaabbccdd, 4);
    EXPECT_EQ(space.load32(0x40), 0xaa00c0ddu);
    space.write(0x41, 0xffff, 2);
    EXPECT_EQ(space.load32(0x40), 0xaa00f0ddu);
}

TEST(ConfigSpace, resetBringsBackTheFrozenBytes) {
    ConfigSpace space(kConventionalSize);
    space.set16(0x40, 0x1234);
    space.set_writable(0x40, 0xffff, 2);
    space.freeze_reset_values();
    space.write(0x40, 0x4321, 2);
    space.reset();
    EXPECT_EQ(space.load16(0x40), 0x1234);
}

TEST(ConfigSpace, capabilitiesAreChainedAndFound) {
    ConfigSpace space(kConventionalSize);
    EXPECT_EQ(space.find_capability(kCapMsi), 0u);
    const unsigned msi = space.add_capability(kCapMsi, 14);
    const unsigned pm = space.add_capability(kCapPowerManagement, 8);
    const unsigned express = space.add_capability(kCapExpress, 0x3c, 0xc0);
    EXPECT_EQ(msi, 0x40u);
    EXPECT_EQ(pm, 0x50u);
    EXPECT_EQ(express, 0xc0u);
    EXPECT_EQ(space.find_capability(kCapMsi), msi);
    EXPECT_EQ(space.find_capability(kCapPowerManagement), pm);
    EXPECT_EQ(space.find_capability(kCapVendor), 0u);
    EXPECT_NE(space.load16(kStatus) & kStatusCapabilities, 0);
}

TEST(ConfigSpace, extendedCapabilitiesPointAtTheNext) {
    ConfigSpace space(kExpressSize);
    space.add_extended_capability(0x0001, 2, 0x100, 0x48);
    space.add_extended_capability(0x000d, 1, 0x148, 8);
    EXPECT_EQ(space.load32(0x100), 0x14820001u);
    EXPECT_EQ(space.load32(0x148), 0x0001000du);
}

TEST(PciAddress, textsLeadThereAndBack) {
    for (unsigned raw = 0; raw < 256; ++raw) {
        const DevFn at = DevFn::from_raw(static_cast<uint8_t>(raw));
        EXPECT_EQ(at.raw(), raw);
        Result<DevFn> parsed = DevFn::parse(at.text());
        ASSERT_TRUE(parsed);
        EXPECT_EQ(*parsed, at);
    }
    EXPECT_EQ(*DevFn::parse("1f"), (DevFn{0x1f, 0}));
    EXPECT_EQ(*DevFn::parse("3.7"), (DevFn{3, 7}));
    EXPECT_EQ(*DevFn::parse("0x1f"), (DevFn{0x1f, 0}));
    EXPECT_EQ(*DevFn::parse("0x2.0x1"), (DevFn{2, 1}));
}

TEST(PciAddress, whatIsNoAddressIsRefused) {
    for (const char* text : {"", ".", "20", "1f.8", "1f.", ".1", "0x", "0x0x3", "0x20", "0X3", "1 .2",
                             "1f.2.3", "100", "-1", "g"})
        EXPECT_FALSE(DevFn::parse(text)) << text;
}

}  // namespace
}  // namespace vmm::pci
