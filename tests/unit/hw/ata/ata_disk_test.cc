// A disk's other commands: settings, SMART, trims, logs, what it refuses.
#include "tests/unit/hw/ata/ahci_fixture.h"

namespace vmm::ata {
namespace {

class AtaDiskTest : public testing::Test, protected AhciWorld {
  protected:
    AtaDiskTest() { start(0); }
    static constexpr uint32_t kGood = kGoodStatus, kRefused = 0x0441;
    // In slot 0; the list is restarted after an error.
    uint32_t command(const Fis& f, const std::vector<Region>& regions = {{kData, 512}}) {
        const uint32_t status = run(0, f, regions);
        if ((status & kErr) != 0) restart(0);
        return status;
    }
    uint16_t word(unsigned n) { return load_le<uint16_t>(at(kData + 2 * uint64_t{n})); }
    std::vector<uint8_t> result() { return bytes(frames(0) + kRfisRegister, 20); }
    uint8_t sum(uint64_t address) {
        const std::vector<uint8_t> page = bytes(address, 512);
        return std::accumulate(page.begin(), page.end(), uint8_t{0});
    }
};

TEST_F(AtaDiskTest, identifyData) {
    EXPECT_EQ(command({kIdentify}), kGood);
    EXPECT_EQ(word(0), 0x0040);
    EXPECT_EQ(word(1), kDiskSize / 512 / 16 / 63);
    EXPECT_EQ(std::string(at(kData + 20), at(kData + 40)), "ESIRLA              ");
    EXPECT_EQ(std::string(at(kData + 46), at(kData + 54)), ".2+5    ");
    EXPECT_EQ(word(47), 0x8010);
    EXPECT_EQ(word(59), 0x0110);
    EXPECT_EQ(word(75), 31);
    EXPECT_TRUE(word(76) & 0x100);
    EXPECT_EQ(word(88), 0x203f);
    EXPECT_EQ(word(106), 0x6000);
    EXPECT_EQ(word(169), 1);
    EXPECT_EQ(sum(kData), 0);
}

TEST_F(AtaDiskTest, identifyIsPure) {
    DriveIdentity identity;
    identity.serial = std::string(30, 's');
    identity.sectors = (uint64_t{1} << 40) + 5;
    identity.physical_sector = 4096;
    identity.wwn = 0x5000c50011223344;
    identity.rotation_rate = 1;
    const IdentifyData data = identify_disk(identity, {});
    const auto at_word = [&](unsigned n) { return load_le<uint16_t>(&data[2 * size_t{n}]); };
    EXPECT_EQ(at_word(60) | at_word(61) << 16, 0x0fffffff);
    EXPECT_EQ(load_le<uint64_t>(&data[200]), identity.sectors);
    EXPECT_EQ(at_word(106), 0x6003);
    EXPECT_EQ(at_word(108), 0x5000);
    EXPECT_EQ(at_word(111), 0x3344);
    EXPECT_TRUE(at_word(84) & 0x100);
    EXPECT_EQ(at_word(217), 1);
    EXPECT_EQ(at_word(169), 0);
    EXPECT_EQ(at_word(23), 0x322e) << "text beyond its field is cut";
}

TEST_F(AtaDiskTest, settingsShowInIdentifyData) {
    EXPECT_EQ(command({kSetMultiple, 0, 8}), kGood);
    EXPECT_EQ(command({kSetFeatures, 0, 0x22, 0x03}), kGood);
    EXPECT_EQ(command({kSetFeatures, 0, 0, 0x82}), kGood);
    EXPECT_EQ(disk_node->count(block::Op::Flush), 1u) << "what was cached is written";
    EXPECT_EQ(command({kSetFeatures, 0, 0, 0x55}), kGood);
    EXPECT_EQ(command({kIdentify}), kGood);
    EXPECT_EQ(word(59), 0x0108);
    EXPECT_EQ(word(63), 0x0407);
    EXPECT_EQ(word(88), 0x003f);
    EXPECT_EQ(word(85) & 0x60, 0);
    EXPECT_FALSE(disk_ref->write_cache());
    EXPECT_EQ(command({kSetFeatures, 0, 0, 0x02}), kGood);
    EXPECT_TRUE(disk_ref->write_cache());
}

TEST_F(AtaDiskTest, refusals) {
    const Fis cases[] = {
        {kNop},
        {kDeviceReset},
        {kPacket},
        {kIdentifyPacket},
        {0xff},
        {0xf1},  // security
        {0x45},  // write uncorrectable
        {kSetMultiple, 0, 3},
        {kSetMultiple, 0, 32},
        {kInitializeParameters, 0, 0},
        {kSetFeatures, 0, 0x06, 0x03},
        {kSetFeatures, 0, 0x46, 0x03},
        {kSetFeatures, 0, 0x80, 0x03},
        {kSetFeatures, 0, 0, 0x10},
        {kSmart, 0, 1, 0xd0},         // without the key
        {kSmart, 0xc24f00, 1, 0xd7},  // no such thing
        {kSmart, 0xc24f05, 1, 0xd5},  // no such log
        {kSmart, 0xc24f06, 2, 0xd5},
        {kSmart, 0xc24f55, 1, 0xd4},
        {kReadLogExt, 0x30, 1},
        {kReadLogExt, 0x10, 2},
        {kReadLogExt, 0x0110, 1},
        {kDataSetManagement, 0, 1, 0},
        {kDataSetManagement, 0, 0, 1},
        {kDataSetManagement, 0, 65, 1},
    };
    for (const Fis& one : cases)
        EXPECT_EQ(command(one), kRefused) << std::hex << +one.command << " " << one.feature;
    EXPECT_EQ(disk_node->seen.size(), 0u);
}

TEST_F(AtaDiskTest, multipleModeCanBeOff) {
    EXPECT_EQ(command({kSetMultiple, 0, 0}), kGood);
    EXPECT_EQ(command({kReadMultiple, 0, 1}), kRefused);
    EXPECT_EQ(command({kWriteMultipleExt, 0, 1}), kRefused);
}

TEST_F(AtaDiskTest, whatADiskWithoutAMotorAgreesTo) {
    for (int opcode : {0x10, 0x1f, 0x70, 0x94, 0x95, 0x96, 0x97, 0x99, 0xe0, 0xe1, 0xe2, 0xe3, 0xe6})
        EXPECT_EQ(command({static_cast<uint8_t>(opcode)}), kGood) << std::hex << opcode;
    for (int opcode : {0xe5, 0x98}) {
        EXPECT_EQ(command({static_cast<uint8_t>(opcode)}), kGood);
        EXPECT_EQ(result()[12], 0xff) << "active";
    }
    EXPECT_EQ(command({kDiagnose}), 0x0150u);
    EXPECT_EQ(result()[12], 1);
    EXPECT_EQ(result()[4], 1);
}

TEST_F(AtaDiskTest, nativeMaximum) {
    const uint32_t last = kDiskSize / 512 - 1;
    EXPECT_EQ(command({kReadNativeMax}), kGood);
    EXPECT_EQ(load_le<uint32_t>(&result()[4]) & 0xffffff, last);
    EXPECT_EQ(command({kReadNativeMaxExt}), kGood);
    EXPECT_EQ(load_le<uint32_t>(&result()[4]) & 0xffffff, last);
}

TEST_F(AtaDiskTest, verifyReads) {
    EXPECT_EQ(command({kReadVerify, 3, 4}, {}), kGood);
    ASSERT_EQ(disk_node->seen.size(), 1u);
    EXPECT_EQ(disk_node->seen[0].bytes, 2048u);
    EXPECT_EQ(moved(0), 0u);
    disk_node->fails = [](const block::Request&) { return EIO; };
    EXPECT_EQ(command({kReadVerifyExt, 3, 4}, {}), 0x4041u);
}

TEST_F(AtaDiskTest, readErrorsSayWhere) {
    disk_node->fails = [](const block::Request&) { return EIO; };
    EXPECT_EQ(command({kReadDmaExt, 0x123, 1}), 0x4041u);
    EXPECT_EQ(load_le<uint16_t>(&result()[4]), 0x123);
    EXPECT_EQ(command({kWriteDmaExt, 0x123, 1}), kRefused);
    EXPECT_EQ(command({kFlush}), kRefused);
}

TEST_F(AtaDiskTest, trim) {
    std::memset(at(kData), 0, 1024);
    store_le<uint64_t>(at(kData), uint64_t{8} << 48 | 100);
    store_le<uint64_t>(at(kData + 8), uint64_t{1} << 48 | 7);
    store_le<uint64_t>(at(kData + 1016), uint64_t{2} << 48 | 50);
    EXPECT_EQ(command({kDataSetManagement, 0, 2, 1}, {{kData, 1024}}), kGood);
    ASSERT_EQ(disk_node->seen.size(), 3u);
    EXPECT_EQ(disk_node->seen[0].op, block::Op::Discard);
    EXPECT_EQ(disk_node->seen[0].offset, 100u * 512);
    EXPECT_EQ(disk_node->seen[0].bytes, 8u * 512);
    EXPECT_EQ(disk_node->seen[2].offset, 50u * 512);
    // One range outside, and nothing is done.
    store_le<uint64_t>(at(kData + 8), uint64_t{2} << 48 | (kDiskSize / 512 - 1));
    EXPECT_EQ(command({kDataSetManagement, 0, 2, 1}, {{kData, 1024}}), 0x1041u);
    EXPECT_EQ(disk_node->seen.size(), 3u);
    EXPECT_EQ(command({kDataSetManagement, 0, 2, 1}, {{kData, 512}}), kRefused) << "half the list";
}

TEST_F(AtaDiskTest, smart) {
    const auto smart = [&](uint8_t what, uint8_t low = 0) {
        return command({kSmart, 0xc24f00u | low, 1, what});
    };
    EXPECT_EQ(smart(0xd0), kGood);
    EXPECT_EQ(*at(kData), 1);
    EXPECT_EQ(sum(kData), 0);
    EXPECT_EQ(smart(0xd1), kGood);
    EXPECT_EQ(sum(kData), 0);
    EXPECT_EQ(smart(0xd4, 1), kGood);
    EXPECT_EQ(smart(0xd4, 2), kGood);
    EXPECT_EQ(smart(0xd5, 6), kGood);
    EXPECT_EQ(*at(kData + 2), 1);
    EXPECT_EQ(*at(kData + 26), 2);
    EXPECT_EQ(*at(kData + 508), 2);
    EXPECT_EQ(sum(kData), 0);
    for (int i = 0; i < 40; ++i)
        EXPECT_EQ(smart(0xd4, 1), kGood);
    EXPECT_EQ(smart(0xd5, 6), kGood);
    EXPECT_EQ(*at(kData + 508), 21);
    EXPECT_EQ(smart(0xda), kGood);
    EXPECT_EQ(result()[5], 0x4f);
    EXPECT_EQ(result()[6], 0xc2);
    EXPECT_EQ(smart(0xd9), kGood);
    EXPECT_EQ(smart(0xd0), kRefused);
    EXPECT_EQ(smart(0xd8), kGood);
    EXPECT_EQ(smart(0xd0), kGood);
}

TEST_F(AtaDiskTest, logDirectory) {
    EXPECT_EQ(command({kReadLogExt, 0, 1}), kGood);
    EXPECT_EQ(word(0), 1);
    EXPECT_EQ(word(0x10), 1);
    EXPECT_EQ(word(0x11), 0);
    EXPECT_EQ(command({kReadLogDmaExt, 0x10, 1}), kGood);
    EXPECT_EQ(*at(kData), 0x80);
}

TEST_F(AtaDiskTest, resizedShowsAtOnce) {
    ASSERT_TRUE(disk_ref->resize(kDiskSize * 2));
    EXPECT_EQ(command({kReadDmaExt, kDiskSize / 512, 1}), kGood);
}

}  // namespace
}  // namespace vmm::ata
