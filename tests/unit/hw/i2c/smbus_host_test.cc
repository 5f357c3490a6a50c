// SMBus protocols against an EEPROM, as drivers run them.
#include "hw/i2c/smbus_host.h"

#include <gtest/gtest.h>

#include "hw/i2c/smbus_eeprom.h"

namespace vmm {
namespace {

using Protocol = SmbusHost::Protocol;

std::array<uint8_t, SmbusEeprom::kSize> counting() {
    std::array<uint8_t, SmbusEeprom::kSize> bytes;
    for (unsigned i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<uint8_t>(i);
    return bytes;
}

class SmbusHostTest : public ::testing::Test {
  protected:
    SmbusHostTest() { bus.attach(0x50, eeprom); }
    // The status it ends in.
    uint8_t run(Protocol protocol, uint8_t address, bool reading, uint8_t command = 0, uint8_t more = 0) {
        host.write(SmbusHost::kStatus, 0xff);
        host.write(SmbusHost::kAddress, static_cast<uint8_t>(address << 1 | (reading ? 1 : 0)));
        host.write(SmbusHost::kCommand, command);
        host.write(SmbusHost::kControl,
                   static_cast<uint8_t>(SmbusHost::kStart | static_cast<unsigned>(protocol) << 2 | more));
        return host.read(SmbusHost::kStatus);
    }
    SmbusEeprom eeprom{counting()};
    Smbus bus;
    SmbusHost host{bus};
};

TEST_F(SmbusHostTest, nobodyAtAnAddressIsADeviceError) {
    EXPECT_EQ(run(Protocol::Quick, 0x51, false), SmbusHost::kDeviceError);
    EXPECT_EQ(run(Protocol::Quick, 0x50, false), SmbusHost::kDone);
    EXPECT_EQ(run(Protocol::BlockCall, 0x50, false), SmbusHost::kDeviceError);
}

TEST_F(SmbusHostTest, bytesAndWordsAreReadAndWritten) {
    EXPECT_EQ(run(Protocol::ByteData, 0x50, true, 0x23), SmbusHost::kDone);
    EXPECT_EQ(host.read(SmbusHost::kData0), 0x23);
    host.write(SmbusHost::kData0, 0xab);
    host.write(SmbusHost::kData1, 0xcd);
    EXPECT_EQ(run(Protocol::WordData, 0x50, false, 0x40), SmbusHost::kDone);
    EXPECT_EQ(run(Protocol::WordData, 0x50, true, 0x40), SmbusHost::kDone);
    EXPECT_EQ(host.read(SmbusHost::kData0), 0xab);
    EXPECT_EQ(host.read(SmbusHost::kData1), 0xcd);
    EXPECT_EQ(run(Protocol::Byte, 0x50, false, 0x10), SmbusHost::kDone);
    EXPECT_EQ(run(Protocol::Byte, 0x50, true), SmbusHost::kDone);
    EXPECT_EQ(host.read(SmbusHost::kData0), 0x10);
}

TEST_F(SmbusHostTest, aBufferedBlockHasTheLengthThatTheDeviceSays) {
    host.write(SmbusHost::kAuxControl, SmbusHost::kBlockBuffer);
    EXPECT_EQ(run(Protocol::Block, 0x50, true, 4), SmbusHost::kDone);
    EXPECT_EQ(host.read(SmbusHost::kData0), 4);
    (void)host.read(SmbusHost::kControl);
    for (int expected : {5, 6, 7, 8})
        EXPECT_EQ(host.read(SmbusHost::kBlock), expected);
}

TEST_F(SmbusHostTest, aBufferedBlockIsWritten) {
    host.write(SmbusHost::kAuxControl, SmbusHost::kBlockBuffer);
    (void)host.read(SmbusHost::kControl);
    host.write(SmbusHost::kData0, 3);
    for (int value : {0x71, 0x72, 0x73})
        host.write(SmbusHost::kBlock, static_cast<uint8_t>(value));
    EXPECT_EQ(run(Protocol::Block, 0x50, false, 0x80), SmbusHost::kDone);
    eeprom.select(0x80);
    for (int expected : {0x71, 0x72, 0x73, 0x83})
        EXPECT_EQ(eeprom.read(), expected);
}

TEST_F(SmbusHostTest, byteByByteTheDriverSetsThePace) {
    uint8_t status = run(Protocol::Block, 0x50, true, 3);
    for (int expected : {4, 5, 6}) {
        EXPECT_EQ(status, SmbusHost::kByteDone | SmbusHost::kBusy);
        EXPECT_EQ(host.read(SmbusHost::kBlock), expected);
        host.write(SmbusHost::kStatus, SmbusHost::kByteDone);
        status = host.read(SmbusHost::kStatus);
    }
    EXPECT_EQ(status, SmbusHost::kDone);
}

TEST_F(SmbusHostTest, anI2cReadEndsAfterTheByteCalledLast) {
    host.write(SmbusHost::kData1, 0x60);
    EXPECT_EQ(run(Protocol::I2cRead, 0x50, true), SmbusHost::kByteDone | SmbusHost::kBusy);
    EXPECT_EQ(host.read(SmbusHost::kBlock), 0x60);
    host.write(SmbusHost::kStatus, SmbusHost::kByteDone);
    host.write(SmbusHost::kControl, SmbusHost::kLastByte | 6u << 2);
    EXPECT_EQ(host.read(SmbusHost::kBlock), 0x61);
    host.write(SmbusHost::kStatus, SmbusHost::kByteDone);
    EXPECT_EQ(host.read(SmbusHost::kStatus), SmbusHost::kDone);
}

TEST_F(SmbusHostTest, killEndsAStream) {
    run(Protocol::Block, 0x50, true, 9);
    host.write(SmbusHost::kControl, SmbusHost::kKill);
    EXPECT_EQ(host.read(SmbusHost::kStatus) & (SmbusHost::kBusy | SmbusHost::kFailed), SmbusHost::kFailed);
    host.write(SmbusHost::kStatus, 0xff);
    EXPECT_EQ(host.read(SmbusHost::kStatus), 0);
}

TEST_F(SmbusHostTest, theInterruptFollowsItsEnable) {
    run(Protocol::ByteData, 0x50, true);
    EXPECT_FALSE(host.level());
    run(Protocol::ByteData, 0x50, true, 0, SmbusHost::kInterruptEnable);
    EXPECT_TRUE(host.level());
    host.write(SmbusHost::kStatus, SmbusHost::kDone);
    EXPECT_FALSE(host.level());
}

}  // namespace
}  // namespace vmm
