// The bus: addresses, absent units, aborts and resets; and what is a CD's own.
#include "hw/scsi/bus.h"

#include "tests/unit/hw/scsi/scsi_fixture.h"
#include "util/endian.h"

namespace vmm::scsi {
namespace {

class ScsiBusTest : public testing::Test, protected ScsiWorld {};

TEST_F(ScsiBusTest, placesAreFound) {
    EXPECT_EQ(cd->address(), kCd) << "the target was given, the LUN was not";
    Cd other({}, loop);
    TestUnitDevice device("x", other);
    EXPECT_TRUE(bus.attach(device));
    EXPECT_EQ(other.address(), (Address{0, 2, 0})) << "the first target that is free";
    bus.detach(device);
    other.set_place({0, 1, {}});
    EXPECT_TRUE(bus.attach(device));
    EXPECT_EQ(other.address(), (Address{0, 1, 1})) << "the next LUN of the target";
    bus.detach(device);
    const Unit::Place bad[] = {{1, {}, {}}, {0, 8, {}}, {0, 0, 16384}, {0, 0, 300}};
    for (const Unit::Place& place : bad) {
        other.set_place(place);
        EXPECT_FALSE(bus.attach(device));
    }
}

TEST_F(ScsiBusTest, nobodyThere) {
    EXPECT_EQ(run({0, 5, 0}, {kTestUnitReady}).outcome, Outcome::NoTarget);
    EXPECT_EQ(run({1, 0, 0}, {kTestUnitReady}).outcome, Outcome::NoTarget);
    EXPECT_EQ(sense_of(run({0, 0, 7}, {kTestUnitReady})), 0x052500u);
    EXPECT_EQ(sense_of(run({0, 0, 7}, {kRead10, 0, 0, 0, 0, 0, 0, 0, 1}, 512)), 0x052500u);
    EXPECT_EQ(run({0, 0, 7}, {kInquiry, 0, 0, 0, 36}, 36).in[0], 0x7f);
    EXPECT_EQ(sense_of(run({0, 0, 7}, {kInquiry, 1, 0x80, 0, 36}, 36)), 0x052400u);
    EXPECT_EQ(run({0, 0, 7}, {kRequestSense, 0, 0, 0, 18}, 18).in[12], 0x25);
}

TEST_F(ScsiBusTest, lunsAreReportedByTarget) {
    for (const Address& at : {kDisk, kSecond, Address{0, 0, 9}}) {
        auto& list = run(at, {kReportLuns, 0, 0, 0, 0, 0, 0, 0, 0, 255}, 255);
        EXPECT_EQ(load_be<uint32_t>(&list.in[0]), 16u);
        EXPECT_EQ(list.in[8], 0);
        EXPECT_EQ(list.in[16], 0x41);
        EXPECT_EQ(list.in[17], 300 - 256);
    }
    EXPECT_EQ(load_be<uint32_t>(&run(kDisk, {kReportLuns, 0, 1, 0, 0, 0, 0, 0, 0, 255}, 255).in[0]), 0u);
}

TEST_F(ScsiBusTest, attentionsComeOnceAndResetsFirst) {
    disk->attention(kPowerOnReset);
    disk->attention(kCapacityChanged);
    EXPECT_EQ(sense_of(run(kDisk, {kInquiry, 0, 0, 0, 36}, 36)), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kReportLuns, 0, 0, 0, 0, 0, 0, 0, 0, 255}, 255)), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kTestUnitReady})), 0x062900u);
    EXPECT_EQ(sense_of(run(kDisk, {kTestUnitReady})), 0u);
    disk->attention(kCapacityChanged);
    EXPECT_EQ(run(kDisk, {kRequestSense, 0, 0, 0, 18}, 18).in[12], 0x2a);
    EXPECT_EQ(sense_of(run(kDisk, {kTestUnitReady})), 0u) << "REQUEST SENSE took it";
}

TEST_F(ScsiBusTest, anAbortEndsWithTheTransfer) {
    disk_node->hold = true;
    auto& read = begin(kDisk, cdb({kRead10, 0, 0, 0, 0, 5, 0, 0, 2}), 1024);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 1; }));
    ASSERT_EQ(disk->requests().size(), 1u);
    disk->abort(read);
    turn();
    EXPECT_EQ(read.ended, 0u) << "the host has not let go of the buffer";
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return read.ended != 0; }));
    EXPECT_EQ(read.outcome, Outcome::Aborted);
    EXPECT_EQ(read.in[0], 0xee) << "and nothing reached the guest";
    disk->abort(read);
    EXPECT_EQ(read.ended, 1u);
}

TEST_F(ScsiBusTest, aResetAbortsAndTells) {
    disk_node->hold = true;
    auto& read = begin(kDisk, cdb({kRead10, 0, 0, 0, 0, 5, 0, 0, 2}), 1024);
    auto& other = begin(kSecond, cdb({kRead10, 0, 0, 0, 0, 5, 0, 0, 2}), 1024);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 1 && other.ended != 0; }));
    disk->reset(kDeviceReset);
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return read.ended != 0; }));
    EXPECT_EQ(read.outcome, Outcome::Aborted);
    EXPECT_EQ(other.outcome, Outcome::Done);
    EXPECT_EQ(sense_of(run(kDisk, {kTestUnitReady})), 0x062903u);
    EXPECT_EQ(sense_of(run(kSecond, {kTestUnitReady})), 0u);
}

TEST_F(ScsiBusTest, longTransfersGoInPieces) {
    const uint64_t size = 3u << 20;
    auto& read = begin(kDisk, cdb({kRead10, 0, 0, 0, 0, 0, 0, 0x18, 0}), size);
    EXPECT_TRUE(run_until([&] { return read.ended != 0; }));
    EXPECT_EQ(read.in, sectors(*disk_node, 0, size / 512));
    EXPECT_EQ(disk_node->count(block::Op::Read), 3u);
}

TEST_F(ScsiBusTest, cdReads) {
    EXPECT_EQ(run(kCd, {kRead10, 0, 0, 0, 0, 5, 0, 0, 2}, 4096).in, sectors(*cd_node, 5, 2, 2048));
    EXPECT_EQ(run(kCd, {kReadCd, 0, 0, 0, 0, 5, 0, 0, 1, 0x10}, 2048).in, sectors(*cd_node, 5, 1, 2048));
    auto& raw = run(kCd, {kReadCd, 0, 0, 0, 0, 5, 0, 0, 2, 0xf8}, 2 * 2352);
    EXPECT_EQ(raw.moved, 2u * 2352);
    EXPECT_EQ(raw.in[0], 0);
    EXPECT_EQ(raw.in[1], 0xff);
    EXPECT_EQ(raw.in[13], 0x02);
    EXPECT_EQ(raw.in[14], 0x05);
    EXPECT_TRUE(std::equal(raw.in.begin() + 2352 + 16, raw.in.begin() + 2352 + 16 + 2048,
                           cd_node->data.begin() + 6 * 2048));
    EXPECT_EQ(sense_of(run(kCd, {kReadCd, 0, 0, 0, 0, 5, 0, 0, 1, 0x20}, 2352)), 0x052400u);
    EXPECT_EQ(sense_of(run(kCd, {kReadCd, 0, 0, 0, 0, 5, 0, 0, 1, 0}, 2352)), 0u);
    EXPECT_EQ(sense_of(run(kCd, {kReadCd, 0, 0, 0, 0, 99, 0, 0, 2, 0x10}, 4096)), 0x052100u);
    EXPECT_EQ(sense_of(run(kCd, {kWrite10, 0, 0, 0, 0, 5, 0, 0, 1}, 0, std::vector<uint8_t>(2048))),
              0x072700u);
}

TEST_F(ScsiBusTest, cdTellsAboutItsMedium) {
    auto& toc = run(kCd, {kReadToc, 0, 0, 0, 0, 0, 0, 1, 0}, 256);
    EXPECT_EQ(std::vector<uint8_t>(toc.in.begin(), toc.in.begin() + 20),
              (std::vector<uint8_t>{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0, 100}));
    EXPECT_EQ(toc.moved, 20u);
    auto& time = run(kCd, {kReadToc, 2, 0, 0, 0, 0, 0xaa, 1, 0}, 256);
    EXPECT_EQ(std::vector<uint8_t>(time.in.begin() + 8, time.in.begin() + 12),
              (std::vector<uint8_t>{0, 0, 3, 25}));
    EXPECT_EQ(run(kCd, {kReadToc, 0, 2, 0, 0, 0, 0, 1, 0}, 256).moved, 4u + 4 * 11);
    EXPECT_EQ(sense_of(run(kCd, {kReadToc, 0, 5, 0, 0, 0, 0, 1, 0}, 256)), 0x052400u);
    EXPECT_EQ(sense_of(run(kCd, {kReadToc, 0, 0, 0, 0, 0, 2, 1, 0}, 256)), 0x052400u);
    auto& features = run(kCd, {kGetConfiguration, 0, 0, 0, 0, 0, 0, 1, 0}, 256);
    EXPECT_EQ(load_be<uint32_t>(&features.in[0]), features.moved - 4);
    EXPECT_EQ(load_be<uint16_t>(&features.in[6]), 0x0008);
    EXPECT_EQ(run(kCd, {kGetConfiguration, 2, 0x01, 0x05, 0, 0, 0, 1, 0}, 256).moved, 8u + 8);
    EXPECT_EQ(sense_of(run(kCd, {kGetConfiguration, 3, 0, 0, 0, 0, 0, 1, 0}, 256)), 0x052400u);
    EXPECT_EQ(run(kCd, {kReadDiscInformation, 0, 0, 0, 0, 0, 0, 1, 0}, 256).moved, 34u);
    EXPECT_EQ(sense_of(run(kCd, {kReadDvdStructure, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 256)), 0x053002u);
    EXPECT_EQ(load_be<uint32_t>(&run(kCd, {kReadCapacity10}, 8).in[0]), 99u);
    EXPECT_EQ(run(kCd, {kMechanismStatus, 0, 0, 0, 0, 0, 0, 0, 0, 8}, 8).in[5], 1);
    EXPECT_EQ(sense_of(run(kCd, {kGetEventStatus, 0, 0, 0, 0x10, 0, 0, 0, 8}, 8)), 0x052400u) << "not polled";
}

TEST(Mmc, dvdsAreMoreThanCds) {
    const Cdb configuration{kGetConfiguration, 0, 0, 0, 0, 0, 0, 1, 0};
    const auto profile = [&](uint64_t sectors) {
        const MmcReply reply = get_configuration(configuration, {false, false, sectors});
        return load_be<uint16_t>(&(*std::get_if<0>(&reply))[6]);
    };
    EXPECT_EQ(profile(0), 0);
    EXPECT_EQ(profile(kLargestCd), 0x08);
    EXPECT_EQ(profile(kLargestCd + 1), 0x10);
    Cdb structure{kReadDvdStructure};
    const MmcReply physical = read_dvd_structure(structure, 2000000);
    EXPECT_EQ(std::get_if<0>(&physical)->size(), 2052u);
    structure[7] = 0xff;
    const MmcReply list = read_dvd_structure(structure, 10);
    EXPECT_EQ(std::get_if<0>(&list)->size(), 16u);
    structure[7] = 0x03;
    EXPECT_NE(nullptr,
              std::get_if<Sense>(&*std::make_unique<MmcReply>(read_dvd_structure(structure, 2000000))));
}

}  // namespace
}  // namespace vmm::scsi
