// The CD drive behind ATA: packets by DMA and PIO, sense data, the tray, what is told of media.
#include "tests/unit/hw/ata/ahci_fixture.h"

namespace vmm::ata {
namespace {

class AtapiTest : public testing::Test, protected AhciWorld {
  protected:
    AtapiTest() { start(1); }
    static constexpr uint32_t kGood = kGoodStatus;
    uint32_t packet(std::vector<uint8_t> cdb, const std::vector<Region>& regions = {{kData, 4096}},
                    bool by_dma = true, uint16_t limit = 0xfffe) {
        cdb.resize(12);
        const uint32_t status =
            run(1, {kPacket, uint64_t{limit} << 8, 0, by_dma ? uint16_t{1} : uint16_t{0}}, regions, cdb);
        if ((status & kErr) != 0) restart(1);
        return status;
    }
    // Key, code and qualifier as one number.
    uint32_t sense() {
        std::memset(at(kData), 0, 18);
        EXPECT_EQ(packet({0x03, 0, 0, 0, 18}), kGood);
        return uint32_t{*at(kData + 2)} << 16 | uint32_t{*at(kData + 12)} << 8 | *at(kData + 13);
    }
    std::vector<uint8_t> sectors(uint64_t first, uint64_t count) const {
        const auto begin = cd_node->data.begin() + static_cast<ptrdiff_t>(first * 2048);
        return {begin, begin + static_cast<ptrdiff_t>(count * 2048)};
    }
};

TEST_F(AtapiTest, identify) {
    EXPECT_EQ(run(1, {kIdentify}, {{kData, 512}}), 0x0441u);
    EXPECT_EQ(load_le<uint16_t>(at(frames(1) + kRfisRegister + 5)), 0xeb14);
    restart(1);
    EXPECT_EQ(run(1, {kIdentifyPacket}, {{kData, 512}}), kGood);
    EXPECT_EQ(load_le<uint16_t>(at(kData)), 0x85c0);
    EXPECT_EQ(std::string(at(kData + 54), at(kData + 66)), "EQUMD DVR-MO");
}

TEST_F(AtapiTest, attentionsAndSenseData) {
    EXPECT_EQ(packet({0x00}), kGood) << "a reset is known by its signature";
    cd->unit().attention(scsi::kMediumMayHaveChanged);
    EXPECT_EQ(packet({0x12, 0, 0, 0, 36}), kGood) << "INQUIRY is done all the same";
    EXPECT_EQ(packet({0x00}), 0x6041u);
    EXPECT_EQ(sense(), 0x062800u);
    EXPECT_EQ(packet({0x00}), kGood);
    EXPECT_EQ(sense(), 0u);
}

TEST_F(AtapiTest, readsByDma) {
    EXPECT_EQ(packet({0x28, 0, 0, 0, 0, 5, 0, 0, 2}), kGood);
    EXPECT_EQ(bytes(kData, 4096), sectors(5, 2));
    EXPECT_EQ(moved(1), 4096u);
    EXPECT_EQ(port(1, kPxIs), kIntRegister);
    EXPECT_EQ(*at(frames(1) + kRfisRegister + 12), 3) << "interrupt reason";
    EXPECT_EQ(packet({0xa8, 0, 0, 0, 0, 99, 0, 0, 0, 1}), kGood);
    EXPECT_EQ(bytes(kData, 2048), sectors(99, 1));
}

TEST_F(AtapiTest, readsByPioInBlocks) {
    EXPECT_EQ(packet({0x28, 0, 0, 0, 0, 5, 0, 0, 2}, {{kData, 4096}}, false, 1500), kGood);
    EXPECT_EQ(bytes(kData, 4096), sectors(5, 2));
    EXPECT_TRUE(port(1, kPxIs) & kIntPioSetup);
    EXPECT_EQ(load_le<uint16_t>(at(frames(1) + kRfisPioSetup + 16)), 4096 % 1500);
    EXPECT_EQ(packet({0x28, 0, 0, 0, 0, 5, 0, 0, 1}, {{kData, 4096}}, false, 0), 0x0441u) << "no limit";
    EXPECT_EQ(packet({0x00}, {}, false, 0), kGood) << "no data, no limit needed";
}

TEST_F(AtapiTest, outsideOfTheMedium) {
    EXPECT_EQ(packet({0x28, 0, 0, 0, 0, 99, 0, 0, 2}), 0x5041u);
    EXPECT_EQ(sense(), 0x052100u);
    EXPECT_EQ(packet({0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1}), 0x5041u);
    EXPECT_EQ(packet({0xff}), 0x5041u);
    EXPECT_EQ(sense(), 0x052000u);
}

TEST_F(AtapiTest, moreThanThereIsRoomFor) {
    std::memset(at(kData), 0xee, 8192);
    EXPECT_EQ(packet({0x28, 0, 0, 0, 0, 5, 0, 0, 2}, {{kData, 3000}}), kGood);
    EXPECT_EQ(moved(1), 3000u);
    EXPECT_EQ(*at(kData + 3000), 0xee);
    EXPECT_EQ(packet({0x25}, {}), kGood);
    EXPECT_EQ(moved(1), 0u);
}

TEST_F(AtapiTest, aGuestOpensAndClosesTheTray) {
    EXPECT_EQ(packet({0x1e, 0, 0, 0, 1}), kGood);
    EXPECT_EQ(packet({0x1b, 0, 0, 0, 2}), 0x5041u);
    EXPECT_EQ(sense(), 0x055302u);
    EXPECT_EQ(packet({0x1e, 0, 0, 0, 0}), kGood);
    EXPECT_EQ(packet({0x1b, 0, 0, 0, 2}), kGood);
    EXPECT_EQ(events.trays, std::vector<bool>{true});
    EXPECT_TRUE(cd->unit().tray_open());
    EXPECT_EQ(packet({0x00}), 0x2041u);
    EXPECT_EQ(sense(), 0x023a02u);
    EXPECT_EQ(packet({0x1b, 0, 0, 0, 3}), kGood);
    EXPECT_EQ(packet({0x00}), kGood) << "the same medium";
    EXPECT_EQ(events.trays, (std::vector<bool>{true, false}));
}

TEST_F(AtapiTest, aMediumSwappedWhileTheTrayWasOpenIsNews) {
    EXPECT_EQ(packet({0x1b, 0, 0, 0, 2}), kGood);
    cd->unit().medium_changed(true);
    EXPECT_EQ(packet({0x00}), 0x2041u);
    EXPECT_EQ(packet({0x1b, 0, 0, 0, 3}), kGood);
    EXPECT_EQ(packet({0x00}), 0x2041u);
    EXPECT_EQ(packet({0x00}), 0x6041u);
    EXPECT_EQ(packet({0x00}), kGood);
}

TEST_F(AtapiTest, mediaChangesAreToldTwice) {
    const auto event = [&] {
        EXPECT_EQ(packet({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}), kGood);
        return unsigned{*at(kData + 4)} << 8 | *at(kData + 5);
    };
    EXPECT_EQ(event(), 0x0002u) << "nothing new, medium present";
    cd->unit().eject_requested(false);
    EXPECT_EQ(event(), 0x0102u);
    cd->unit().set_tray(true, true);
    EXPECT_EQ(event(), 0x0301u);
    cd->unit().set_tray(false, true);
    EXPECT_EQ(packet({0x00}), 0x2041u);
    EXPECT_EQ(sense(), 0x023a00u) << "it was away";
    EXPECT_EQ(packet({0x00}), 0x6041u);
    EXPECT_EQ(sense(), 0x062800u);
    EXPECT_EQ(event(), 0x0202u);
    EXPECT_EQ(event(), 0x0002u);
}

TEST_F(AtapiTest, anEmptyDrive) {
    cd_ref->take_out();
    cd->unit().medium_changed(false);
    EXPECT_EQ(packet({0x00}), 0x2041u);
    EXPECT_EQ(sense(), 0x023a00u);
    EXPECT_EQ(packet({0x28, 0, 0, 0, 0, 5, 0, 0, 2}), 0x2041u);
    EXPECT_EQ(packet({0x46, 0, 0, 0, 0, 0, 0, 1, 0}), kGood);
    EXPECT_EQ(load_be<uint16_t>(at(kData + 6)), 0) << "no profile";
    EXPECT_EQ(packet({0x5a, 0, 0x2a, 0, 0, 0, 0, 1, 0}), kGood);
    EXPECT_EQ(*at(kData + 2), 0x70);
}

TEST_F(AtapiTest, deviceResetEndsThePacket) {
    EXPECT_EQ(packet({0x1e, 0, 0, 0, 1}), kGood);
    EXPECT_EQ(run(1, {kDeviceReset}), 0x0100u);
    EXPECT_FALSE(cd->unit().tray_locked());
}

TEST_F(AtapiTest, aResetInsideAReadIsSurvived) {
    cd_node->hold = true;
    std::vector<uint8_t> cdb = {0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0, 0, 0};
    put_command(1, 0, {kPacket, 0xfffe00, 0, 1}, {{kData, 4096}}, cdb);
    issue(1, 1);
    EXPECT_TRUE(run_until([&] { return cd_node->held.size() == 1; }));
    std::memset(at(kData), 0xee, 4096);
    set(kGhc, kGhcReset);
    turn();
    cd_node->release();
    turn();
    EXPECT_EQ(*at(kData + 4095), 0xee) << "nothing lands after the reset";
    start(1);
    EXPECT_EQ(port(1, kPxSig), 0xeb140101u);
    EXPECT_EQ(packet({0x00}), kGood);
}

}  // namespace
}  // namespace vmm::ata
