// A disk's commands as an initiator sees them.
#include "tests/unit/hw/scsi/scsi_fixture.h"
#include "util/endian.h"

namespace vmm::scsi {
namespace {

class ScsiDiskTest : public testing::Test, protected ScsiWorld {};

TEST_F(ScsiDiskTest, everyReadReads) {
    const std::vector<uint8_t> wanted = sectors(*disk_node, 5, 2);
    EXPECT_EQ(run(kDisk, {kRead6, 0, 0, 5, 2, 0}, 1024).in, wanted);
    EXPECT_EQ(run(kDisk, {kRead10, 0, 0, 0, 0, 5, 0, 0, 2, 0}, 1024).in, wanted);
    EXPECT_EQ(run(kDisk, {kRead12, 0, 0, 0, 0, 5, 0, 0, 0, 2}, 1024).in, wanted);
    auto& last = run(kDisk, {kRead16, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2}, 1024);
    EXPECT_EQ(last.in, wanted);
    EXPECT_EQ(last.moved, 1024u);
    EXPECT_EQ(last.wanted, 1024u);
    EXPECT_EQ(disk_node->count(block::Op::Flush), 0u);
    EXPECT_EQ(run(kDisk, {kRead10, 8, 0, 0, 0, 5, 0, 0, 2, 0}, 1024).in, wanted);
    EXPECT_EQ(disk_node->count(block::Op::Flush), 1u) << "what is read with FUA was on the medium before";
}

TEST_F(ScsiDiskTest, everyWriteWrites) {
    const std::initializer_list<int> cases[] = {
        {kWrite6, 0, 0, 5, 2, 0},
        {kWrite10, 0, 0, 0, 0, 5, 0, 0, 2, 0},
        {kWrite12, 0, 0, 0, 0, 5, 0, 0, 0, 2},
        {kWrite16, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2},
        {kWrite10, 8, 0, 0, 0, 5, 0, 0, 2, 0},
        {kWriteVerify10, 0, 0, 0, 0, 5, 0, 0, 2, 0},
        {kWriteVerify12, 0, 0, 0, 0, 5, 0, 0, 0, 2},
        {kWriteVerify16, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2},
    };
    unsigned number = 0;
    for (const auto& one : cases) {
        const std::vector<uint8_t> data(1024, static_cast<uint8_t>(0x80 + number));
        EXPECT_EQ(run(kDisk, one, 0, data).moved, 1024u);
        EXPECT_EQ(sectors(*disk_node, 5, 2), data);
        EXPECT_EQ(disk_node->seen.back().flags, number < 4 ? 0 : block::kFua) << number;
        ++number;
    }
}

TEST_F(ScsiDiskTest, rangesAndRoom) {
    const int last = kDiskSize / 512 - 1;
    EXPECT_EQ(sense_of(run(kDisk, {kRead10, 0, 0, 0, last >> 8, last & 255, 0, 0, 1}, 512)), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kRead10, 0, 0, 0, last >> 8, last & 255, 0, 0, 2}, 1024)), 0x052100u);
    EXPECT_EQ(sense_of(run(kDisk, {kRead16, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1}, 512)),
              0x052100u);
    EXPECT_EQ(
        sense_of(run(kDisk, {kRead16, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, 512)),
        0x052100u);
    EXPECT_EQ(sense_of(run(kDisk, {kRead10, 0, 0, 0, 0, 0, 0, 0, 0}, 512)), 0u) << "no blocks";
    EXPECT_EQ(sense_of(run(kDisk, {kRead10, 0x20, 0, 0, 0, 0, 0, 0, 1}, 512)), 0x052400u) << "protection";
    auto& small = run(kDisk, {kRead10, 0, 0, 0, 0, 5, 0, 0, 2, 0}, 700);
    EXPECT_EQ(small.moved, 700u);
    EXPECT_EQ(small.wanted, 1024u);
    auto& little = run(kDisk, {kWrite10, 0, 0, 0, 0, 5, 0, 0, 2, 0}, 0, std::vector<uint8_t>(700, 1));
    EXPECT_EQ(little.moved, 512u) << "whole blocks alone";
    EXPECT_EQ(little.wanted, 1024u);
}

TEST_F(ScsiDiskTest, capacities) {
    auto& ten = run(kDisk, {kReadCapacity10}, 8);
    EXPECT_EQ(load_be<uint32_t>(&ten.in[0]), kDiskSize / 512 - 1);
    EXPECT_EQ(load_be<uint32_t>(&ten.in[4]), 512u);
    auto& sixteen = run(kDisk, {kServiceActionIn16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}, 32);
    EXPECT_EQ(load_be<uint64_t>(&sixteen.in[0]), kDiskSize / 512 - 1);
    EXPECT_EQ(sixteen.in[14], 0x80);
    EXPECT_EQ(sense_of(run(kDisk, {kServiceActionIn16, 0x11}, 32)), 0x052000u);
    ASSERT_TRUE(disk_ref->resize(kDiskSize * 2));
    EXPECT_EQ(sense_of(run(kDisk, {kTestUnitReady})), 0x062a09u);
    EXPECT_EQ(sense_of(run(kDisk, {kTestUnitReady})), 0u);
}

TEST_F(ScsiDiskTest, verify) {
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 0, 0, 0, 0, 5, 0, 0, 2})), 0u);
    EXPECT_EQ(disk_node->count(block::Op::Read), 1u);
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 2, 0, 0, 0, 5, 0, 0, 2}, 0, sectors(*disk_node, 5, 2))), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 2, 0, 0, 0, 5, 0, 0, 2}, 0, sectors(*disk_node, 6, 2))),
              0x0e1d00u);
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 4, 0, 0, 0, 5, 0, 0, 2})), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 6, 0, 0, 0, 5, 0, 0, 1}, 0, sectors(*disk_node, 5, 1))), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 6, 0, 0, 0, 5, 0, 0, 2}, 0, sectors(*disk_node, 5, 1))),
              0x0e1d00u);
    EXPECT_EQ(sense_of(run(kDisk, {kVerify10, 2, 0, 0, 0, 5, 0, 0, 2}, 0, sectors(*disk_node, 5, 1))),
              0x052400u);
}

TEST_F(ScsiDiskTest, writeSame) {
    const std::vector<uint8_t> pattern(512, 0xa5);
    EXPECT_EQ(sense_of(run(kDisk, {kWriteSame10, 0, 0, 0, 0, 5, 0, 0, 3}, 0, pattern)), 0u);
    EXPECT_EQ(sectors(*disk_node, 5, 3), std::vector<uint8_t>(1536, 0xa5));
    EXPECT_EQ(disk_node->count(block::Op::WriteZeroes), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kWriteSame16, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2}, 0,
                           std::vector<uint8_t>(512))),
              0u);
    EXPECT_EQ(disk_node->seen.back().op, block::Op::WriteZeroes);
    EXPECT_EQ(disk_node->seen.back().flags, block::kMayUnmap);
    EXPECT_EQ(sense_of(run(kDisk, {kWriteSame16, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1})), 0u) << "NDOB";
    EXPECT_EQ(sectors(*disk_node, 5, 3), std::vector<uint8_t>(1536, 0));
    for (int flags : {0x10, 0x02, 0x04, 0x20})
        EXPECT_EQ(sense_of(run(kDisk, {kWriteSame10, flags, 0, 0, 0, 5, 0, 0, 3}, 0, pattern)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kWriteSame10, 0, 0, 0, 0, 5, 0, 0, 0}, 0, pattern)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kWriteSame10, 0, 0, 0, 0, 5, 0, 0, 1}, 0, {1, 2, 3})), 0x052400u);
}

std::vector<uint8_t> unmap_list(std::initializer_list<std::pair<uint64_t, uint32_t>> ranges) {
    std::vector<uint8_t> out(8 + 16 * ranges.size());
    store_be<uint16_t>(&out[0], static_cast<uint16_t>(out.size() - 2));
    store_be<uint16_t>(&out[2], static_cast<uint16_t>(out.size() - 8));
    size_t at = 8;
    for (const auto& [lba, count] : ranges) {
        store_be<uint64_t>(&out[at], lba);
        store_be<uint32_t>(&out[at + 8], count);
        at += 16;
    }
    return out;
}

TEST_F(ScsiDiskTest, unmap) {
    const auto unmap = [&](const std::vector<uint8_t>& list, int flags = 0) {
        return sense_of(run(kDisk,
                            {kUnmap, flags, 0, 0, 0, 0, 0, static_cast<int>(list.size() >> 8),
                             static_cast<int>(list.size() & 255)},
                            0, list));
    };
    EXPECT_EQ(unmap(unmap_list({{5, 3}, {9, 0}, {100, 8}})), 0u);
    ASSERT_EQ(disk_node->seen.size(), 2u);
    EXPECT_EQ(disk_node->seen[1].offset, 100u * 512);
    EXPECT_EQ(disk_node->seen[1].bytes, 8u * 512);
    EXPECT_EQ(unmap({}), 0u);
    EXPECT_EQ(unmap(unmap_list({{5, 3}, {kDiskSize / 512, 1}})), 0x052100u);
    EXPECT_EQ(disk_node->seen.size(), 2u) << "the list is judged before anything is done";
    EXPECT_EQ(unmap(unmap_list({{0, 2049}})), 0x052600u) << "more than one UNMAP may free";
    EXPECT_EQ(unmap(unmap_list({{5, 3}}), 1), 0x052400u) << "ANCHOR";
    EXPECT_EQ(unmap({0, 0, 0}), 0x051a00u);
    std::vector<uint8_t> lying = unmap_list({{5, 1}});
    store_be<uint16_t>(&lying[2], 0xffff);
    EXPECT_EQ(unmap(lying), 0u) << "no further than the data go";
    EXPECT_EQ(disk_node->seen.size(), 3u);
}

TEST_F(ScsiDiskTest, modePages) {
    auto& all = run(kDisk, {kModeSense6, 0, 0x3f, 0, 255}, 255);
    EXPECT_EQ(all.in[0], all.moved - 1);
    EXPECT_EQ(all.in[2], 0x10) << "DPOFUA, not write-protected";
    EXPECT_EQ(all.in[3], 8);
    EXPECT_EQ(load_be<uint32_t>(&all.in[4]), kDiskSize / 512);
    auto& cache = run(kDisk, {kModeSense10, 8, 8, 0, 0, 0, 0, 0, 255}, 255);
    EXPECT_EQ(load_be<uint16_t>(&cache.in[0]), cache.moved - 2);
    EXPECT_EQ(cache.in[8], 0x08);
    EXPECT_EQ(cache.in[10], 0x04);
    EXPECT_EQ(run(kDisk, {kModeSense6, 8, 0x48, 0, 255}, 255).in[6], 0x04) << "changeable: WCE";
    EXPECT_EQ(sense_of(run(kDisk, {kModeSense6, 0, 0xc8, 0, 255}, 255)), 0x053900u);
    EXPECT_EQ(sense_of(run(kDisk, {kModeSense6, 0, 0x2a, 0, 255}, 255)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kModeSense6, 0, 0x08, 1, 255}, 255)), 0x052400u);

    std::vector<uint8_t> select(4 + 20);
    select[4] = 0x08;
    select[5] = 18;
    EXPECT_EQ(sense_of(run(kDisk, {kModeSelect6, 0x10, 0, 0, 24}, 0, select)), 0u);
    EXPECT_FALSE(disk_ref->write_cache());
    EXPECT_EQ(disk_node->count(block::Op::Flush), 1u);
    select[7] = 1;
    EXPECT_EQ(sense_of(run(kDisk, {kModeSelect6, 0x10, 0, 0, 24}, 0, select)), 0x052600u);
    select[7] = 0;
    select[5] = 17;
    EXPECT_EQ(sense_of(run(kDisk, {kModeSelect6, 0x10, 0, 0, 24}, 0, select)), 0x052600u);
    EXPECT_EQ(sense_of(run(kDisk, {kModeSelect6, 0x11, 0, 0, 24}, 0, select)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kModeSelect6, 0x10, 0, 0, 3}, 0, {0, 0, 0})), 0x051a00u);
}

TEST_F(ScsiDiskTest, errorsOfTheHost) {
    const struct {
        int number;
        uint32_t read, write;
    } cases[] = {{EIO, 0x031100, 0x030c00}, {ENOSPC, 0x072707, 0x072707}, {ENOMEM, 0x044400, 0x044400}};
    for (const auto& one : cases) {
        disk_node->fails = [&](const block::Request&) { return one.number; };
        EXPECT_EQ(sense_of(run(kDisk, {kRead10, 0, 0, 0, 0, 5, 0, 0, 2, 0}, 1024)), one.read);
        EXPECT_EQ(sense_of(run(kDisk, {kWrite10, 0, 0, 0, 0, 5, 0, 0, 1, 0}, 0, std::vector<uint8_t>(512))),
                  one.write);
    }
    disk_node->fails = nullptr;
    initiator.broken = true;
    EXPECT_EQ(run(kDisk, {kRead10, 0, 0, 0, 0, 5, 0, 0, 2, 0}, 1024).outcome, Outcome::MemoryFailed);
    EXPECT_EQ(run(kDisk, {kWrite10, 0, 0, 0, 0, 5, 0, 0, 1, 0}, 0, std::vector<uint8_t>(512)).outcome,
              Outcome::MemoryFailed);
    EXPECT_EQ(run(kDisk, {kInquiry, 0, 0, 0, 36}, 36).outcome, Outcome::MemoryFailed);
}

TEST_F(ScsiDiskTest, refusals) {
    for (int opcode : {0x04, 0x5e, 0x5f, 0x7f, 0xff, 0x12 + 0x80})
        EXPECT_EQ(sense_of(run(kDisk, {opcode}, 64)), 0x052000u) << std::hex << opcode;
    EXPECT_EQ(sense_of(run(kDisk, {kInquiry, 2, 0, 0, 36}, 36)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kInquiry, 0, 0x80, 0, 36}, 36)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kSendDiagnostic}, 0)), 0x052400u);
    EXPECT_EQ(sense_of(run(kDisk, {kSendDiagnostic, 4}, 0)), 0u);
    EXPECT_EQ(sense_of(run(kDisk, {kReportLuns, 0, 3, 0, 0, 0, 0, 0, 0, 255}, 255)), 0x052400u);
}

TEST_F(ScsiDiskTest, theInitiatorTakesNoMoreThanItAsksFor) {
    auto& inquiry = run(kDisk, {kInquiry, 0, 0, 0, 5}, 36);
    EXPECT_EQ(inquiry.moved, 5u);
    EXPECT_EQ(inquiry.in[5], 0xee);
    EXPECT_EQ(run(kDisk, {kInquiry, 0, 0, 0, 36}, 10).moved, 10u);
}

}  // namespace
}  // namespace vmm::scsi
