// The controller and its ports: bring-up, interrupts, every protocol, descriptor tables, queueing, errors and
// resets, as a driver sees them.
#include "tests/unit/hw/ata/ahci_fixture.h"

namespace vmm::ata {
namespace {

class AhciTest : public testing::Test, protected AhciWorld {
  protected:
    static constexpr uint32_t kGood = kGoodStatus;
    std::vector<uint8_t> sectors(uint64_t first, uint64_t count) const {
        const auto begin = disk_node->data.begin() + static_cast<ptrdiff_t>(first * 512);
        return {begin, begin + static_cast<ptrdiff_t>(count * 512)};
    }
};

TEST_F(AhciTest, capabilities) {
    EXPECT_EQ(get(kCap), 0xc0141f05u);
    EXPECT_EQ(get(kGhc), 0x80000000u);
    EXPECT_EQ(get(kPi), 0x3fu);
    EXPECT_EQ(get(kVs), 0x00010000u);
    EXPECT_EQ(get(0x24), 0u);
    EXPECT_EQ(port(0, kPxCmd), 6u);
    EXPECT_EQ(port(0, kPxSsts), 0x113u);
    EXPECT_EQ(port(0, kPxTfd), 0x7fu);
    EXPECT_EQ(port(0, kPxSig), 0xffffffffu);
    EXPECT_EQ(port(2, kPxSsts), 0u);
}

TEST_F(AhciTest, theSignatureComesWithFrameReception) {
    set_port(0, kPxFb, kFrames);
    set_port(0, kPxCmd, kCmdFisReceive);
    EXPECT_EQ(port(0, kPxCmd), 0x4016u);
    EXPECT_EQ(port(0, kPxSig), 0x00000101u);
    EXPECT_EQ(port(0, kPxTfd), 0x150u);
    EXPECT_EQ(port(0, kPxIs), kIntRegister);
    EXPECT_EQ(*at(kFrames + kRfisRegister), kRegisterD2H);
    set_port(0, kPxIs, kIntRegister);
    EXPECT_EQ(port(0, kPxIs), 0u);
    set_port(1, kPxFb, kFrames + 0x1000);
    set_port(1, kPxCmd, kCmdFisReceive);
    EXPECT_EQ(port(1, kPxSig), 0xeb140101u);
    set_port(2, kPxCmd, kCmdFisReceive);
    EXPECT_EQ(port(2, kPxSig), 0xffffffffu);
}

TEST_F(AhciTest, identify) {
    start(0);
    EXPECT_EQ(run(0, {kIdentify}, {{kData, 512}}), kGood);
    EXPECT_EQ(moved(0), 512u);
    EXPECT_EQ(load_le<uint32_t>(at(kData + 120)), kDiskSize / 512);
    EXPECT_EQ(load_le<uint64_t>(at(kData + 200)), kDiskSize / 512);
    EXPECT_EQ(port(0, kPxIs), kIntRegister | kIntPioSetup);
    EXPECT_EQ(*at(frames(0) + kRfisPioSetup), kPioSetup);
    EXPECT_EQ(load_le<uint16_t>(at(frames(0) + kRfisPioSetup + 16)), 512);
}

TEST_F(AhciTest, interruptsGoUpAndDown) {
    start(0);
    EXPECT_FALSE(interrupt.level);
    run(0, {kFlush});
    EXPECT_TRUE(interrupt.level);
    EXPECT_EQ(interrupt.messages, 1u);
    EXPECT_EQ(get(kIs), 1u);
    // The port's cause outlives the controller's bit.
    set(kIs, 1);
    EXPECT_EQ(get(kIs), 1u);
    EXPECT_TRUE(interrupt.level);
    set_port(0, kPxIs, ~0u);
    set(kIs, 1);
    EXPECT_EQ(get(kIs), 0u);
    EXPECT_FALSE(interrupt.level);
    set_port(0, kPxIe, 0);
    run(0, {kFlush});
    EXPECT_FALSE(interrupt.level);
    set_port(0, kPxIe, kIntRegister);
    EXPECT_TRUE(interrupt.level);
    set(kGhc, 0);
    EXPECT_FALSE(interrupt.level);
    set(kGhc, kGhcInterrupts);
    EXPECT_TRUE(interrupt.level);
}

TEST_F(AhciTest, everyKindOfReadReads) {
    start(0);
    struct {
        uint8_t command;
        uint32_t interrupts;
    } cases[] = {{kReadSectors, kIntRegister | kIntPioSetup},
                 {kReadSectorsNoRetry, kIntRegister | kIntPioSetup},
                 {kReadSectorsExt, kIntRegister | kIntPioSetup},
                 {kReadMultiple, kIntRegister | kIntPioSetup},
                 {kReadMultipleExt, kIntRegister | kIntPioSetup},
                 {kReadDma, kIntRegister},
                 {kReadDmaNoRetry, kIntRegister},
                 {kReadDmaExt, kIntRegister}};
    uint64_t lba = 5;
    for (const auto& one : cases) {
        std::memset(at(kData), 0xee, 4096);
        ASSERT_EQ(run(0, {one.command, lba, 3}, {{kData, 1536}}), kGood) << std::hex << +one.command;
        EXPECT_EQ(bytes(kData, 1536), sectors(lba, 3));
        EXPECT_EQ(moved(0), 1536u);
        EXPECT_EQ(port(0, kPxIs), one.interrupts);
        set_port(0, kPxIs, ~0u);
        ++lba;
    }
}

TEST_F(AhciTest, everyKindOfWriteWrites) {
    start(0);
    const struct {
        uint8_t command;
        uint8_t flags;
    } cases[] = {{kWriteSectors, 0},     {kWriteSectorsNoRetry, 0},
                 {kWriteSectorsExt, 0},  {kWriteMultiple, 0},
                 {kWriteMultipleExt, 0}, {kWriteMultipleFuaExt, block::kFua},
                 {kWriteDma, 0},         {kWriteDmaNoRetry, 0},
                 {kWriteDmaExt, 0},      {kWriteDmaFuaExt, block::kFua}};
    uint8_t fill = 0x80;
    for (const auto& one : cases) {
        std::memset(at(kData), ++fill, 1024);
        ASSERT_EQ(run(0, {one.command, 7, 2}, {{kData, 1024}}), kGood) << std::hex << +one.command;
        EXPECT_EQ(sectors(7, 2), std::vector<uint8_t>(1024, fill));
        EXPECT_EQ(disk_node->seen.back().flags & block::kFua, one.flags) << std::hex << +one.command;
        EXPECT_EQ(moved(0), 1024u);
        const bool blocks = one.command == kWriteSectors || one.command == kWriteSectorsNoRetry ||
                            one.command == kWriteSectorsExt;
        EXPECT_EQ(port(0, kPxIs), kIntRegister | (blocks ? kIntPioSetup : 0)) << "from the second block on";
        set_port(0, kPxIs, ~0u);
    }
}

TEST_F(AhciTest, countZeroIsTheMost) {
    start(0);
    EXPECT_EQ(run(0, {kReadDma, 0, 0}, {{kData, 256 * 512}}), kGood);
    EXPECT_EQ(bytes(kData, 256 * 512), sectors(0, 256));
    // 65536 sectors are more than this disk has.
    EXPECT_EQ(run(0, {kReadDmaExt, 0, 0}, {{kData, 512}}), (uint32_t{kIdNotFound} << 8 | kReady | kErr));
}

TEST_F(AhciTest, cylindersHeadsAndSectors) {
    start(0);
    // Cylinder 1, head 2, sector 3 of 16 heads and 63 sectors.
    const uint64_t lba = (1 * 16 + 2) * 63 + 3 - 1;
    EXPECT_EQ(run(0, {kReadSectors, 0x000103, 1, 0, 0x02}, {{kData, 512}}), kGood);
    EXPECT_EQ(bytes(kData, 512), sectors(lba, 1));
    EXPECT_EQ(run(0, {kInitializeParameters, 0, 10, 0, 0x03}), kGood);
    EXPECT_EQ(run(0, {kReadSectors, 0x000103, 1, 0, 0x02}, {{kData, 512}}), kGood);
    EXPECT_EQ(bytes(kData, 512), sectors((1 * 4 + 2) * 10 + 2, 1));
    EXPECT_NE(run(0, {kReadSectors, 0x000100, 1, 0, 0x00}, {{kData, 512}}) & kErr, kErr)
        << "sector 0 of cylinder 1";
}

TEST_F(AhciTest, outsideOfTheDisk) {
    const uint64_t size = kDiskSize / 512;
    start(0);
    EXPECT_EQ(run(0, {kReadDmaExt, size - 1, 1}, {{kData, 512}}), kGood);
    for (uint64_t lba : {size - 1, size, uint64_t{0xffffffffffff}}) {
        EXPECT_EQ(run(0, {kReadDmaExt, lba, 2}, {{kData, 1024}}), 0x1041u) << lba;
        EXPECT_EQ(port(0, kPxCi), 1u) << "the slot of a failed command stays";
        EXPECT_TRUE(port(0, kPxIs) & kIntTaskFile);
        restart(0);
        EXPECT_EQ(port(0, kPxCi), 0u);
    }
    EXPECT_EQ(disk_node->seen.size(), 1u);
}

TEST_F(AhciTest, afterAnErrorTheListWaitsForARestart) {
    start(0);
    EXPECT_EQ(run(0, {0xff}), 0x0441u);
    put_command(0, 1, {kFlush}, {});
    issue(0, 2);
    turn();
    EXPECT_EQ(port(0, kPxCi), 3u);
    EXPECT_EQ(disk_node->count(block::Op::Flush), 0u);
    restart(0);
    EXPECT_EQ(run(0, {kFlush}), kGood);
}

TEST_F(AhciTest, descriptorsOfAllShapes) {
    start(0);
    const std::vector<uint8_t> wanted = sectors(9, 2);
    const struct {
        const char* what;
        std::vector<Region> regions;
        uint64_t moved;
    } cases[] = {
        {"odd lengths", {{kData, 1}, {kData + 2, 511}, {kData + 600, 3}, {kData + 700, 509}}, 1024},
        {"one byte too many", {{kData, 1025}}, 1024},
        {"too short", {{kData, 700}}, 700},
        {"nothing", {}, 0},
        {"backwards", {{kData + 0x1000, 512}, {kData, 512}}, 1024},
        {"far more than needed", {{kData, 1024}, {uint64_t{1} << 40, 4u << 20}}, 1024},
    };
    for (const auto& one : cases) {
        std::memset(at(kData), 0xee, 0x2000);
        ASSERT_EQ(run(0, {kReadDma, 9, 2}, one.regions), kGood) << one.what;
        EXPECT_EQ(moved(0), one.moved) << one.what;
        uint64_t done = 0;
        for (const Region& r : one.regions) {
            const uint64_t length = std::min<uint64_t>(r.bytes, 1024 - done);
            if (length == 0) break;
            const auto from = wanted.begin() + static_cast<ptrdiff_t>(done);
            EXPECT_EQ(bytes(r.address, length),
                      std::vector<uint8_t>(from, from + static_cast<ptrdiff_t>(length)))
                << one.what;
            done += length;
        }
        EXPECT_EQ(*at(kData + 0x1800), 0xee) << one.what;
        set_port(0, kPxIs, ~0u);
    }
}

// What lies beyond the most that a command moves is not even read.
TEST_F(AhciTest, aTableWithoutEndIsReadOnlyAsFarAsItMatters) {
    constexpr unsigned kEntries = 0xffff;
    for (unsigned i = 0; i < kEntries; ++i)
        store_le<uint32_t>(at(kData + 16 * uint64_t{i} + 12), 0x3fffff);
    const ReadsOnce reads(space);
    PrdTable table;
    ASSERT_TRUE(table.load(dma, Gpa(kData), kEntries));
    EXPECT_GE(table.size(), PrdTable::kMostBytes);
    EXPECT_LT(table.size(), PrdTable::kMostBytes + 64 * (uint64_t{4} << 20));
    reads.expect(kData, 16 * kEntries, "the table");
    EXPECT_EQ(reads.saw(kData + 64 * 16, 16 * (kEntries - 64)), !kCountsReads);
}

TEST_F(AhciTest, aTableOfSingleBytes) {
    start(0);
    std::vector<Region> regions;
    for (uint32_t i = 0; i < 32; ++i)
        regions.push_back({kData + 2 * uint64_t{i}, 16});
    EXPECT_EQ(run(0, {kReadDma, 1, 1}, regions), kGood);
    EXPECT_EQ(moved(0), 512u);
}

TEST_F(AhciTest, aWriteWithoutAllItsDataIsRefused) {
    start(0);
    EXPECT_EQ(run(0, {kWriteDma, 0, 2}, {{kData, 1023}}), 0x0441u);
    EXPECT_EQ(disk_node->count(block::Op::Write), 0u);
}

TEST_F(AhciTest, memoryThatIsNotThereIsABusError) {
    start(0);
    put_command(0, 0, {kReadDma, 0, 1}, {{GuestRam::kSize + 0x1000, 512}});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return (port(0, kPxIs) & kIntHostBus) != 0; }));
    EXPECT_EQ(port(0, kPxCi), 1u);
    restart(0);
    EXPECT_EQ(run(0, {kFlush}), kGood);
    put_command(0, 0, {kWriteDma, 0, 1}, {{~uint64_t{0} - 100, 512}});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return (port(0, kPxIs) & kIntHostBus) != 0; }));
    EXPECT_EQ(disk_node->count(block::Op::Write), 0u);
    restart(0);
    set_port(0, kPxClbu, 0xffffffff);
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return (port(0, kPxIs) & kIntHostBus) != 0; }));
}

TEST_F(AhciTest, framesOfAnotherTypeStopTheList) {
    start(0);
    uint8_t fis[20] = {0x46, 0x80, kFlush};
    put_frame(0, 0, fis, {});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return (port(0, kPxIs) & kIntHostBus) != 0; }));
}

TEST_F(AhciTest, thirtyTwoQueuedCommands) {
    start(0);
    disk_node->hold = true;
    for (unsigned i = 0; i < 32; ++i)
        put_command(0, i, {kReadQueued, i * uint64_t{8}, static_cast<uint16_t>(i << 3), 2},
                    {{kData + i * uint64_t{4096}, 1024}});
    set_port(0, kPxSact, ~0u);
    issue(0, ~0u);
    EXPECT_TRUE(run_until([&] { return port(0, kPxCi) == 0; })) << "the drive takes them all";
    EXPECT_EQ(port(0, kPxSact), ~0u);
    EXPECT_EQ(port(0, kPxTfd) & kBusy, 0u);
    turn();
    EXPECT_EQ(disk_node->held.size(), 32u);
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return port(0, kPxSact) == 0; }));
    for (unsigned i = 0; i < 32; ++i)
        EXPECT_EQ(bytes(kData + i * 4096, 1024), sectors(i * 8, 2)) << i;
    EXPECT_TRUE(port(0, kPxIs) & kIntDeviceBits);
    EXPECT_EQ(port(0, kPxIs) & kIntTaskFile, 0u);
}

TEST_F(AhciTest, aQueuedWriteWithForcedUnitAccess) {
    start(0);
    std::memset(at(kData), 0x5a, 512);
    put_command(0, 3, {kWriteQueued, 40, 3 << 3, 1, kDeviceLba | 0x80}, {{kData, 512}});
    set_port(0, kPxSact, 8);
    issue(0, 8);
    EXPECT_TRUE(run_until([&] { return port(0, kPxSact) == 0; }));
    EXPECT_EQ(sectors(40, 1), std::vector<uint8_t>(512, 0x5a));
    EXPECT_EQ(disk_node->seen.back().flags, block::kFua);
}

TEST_F(AhciTest, aQueuedCommandThatFailsStopsTheQueueAndSaysWhichOne) {
    start(0);
    disk_node->hold = true;
    for (unsigned i : {2u, 5u, 9u})
        put_command(0, i, {kReadQueued, 0x100 + i * uint64_t{8}, static_cast<uint16_t>(i << 3), 1},
                    {{kData + i * uint64_t{4096}, 512}});
    const uint32_t slots = 1u << 2 | 1u << 5 | 1u << 9;
    set_port(0, kPxSact, slots);
    issue(0, slots);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 3; }));
    disk_node->fails = [](const block::Request& request) { return request.offset == 0x128 * 512 ? EIO : 0; };
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return (port(0, kPxIs) & kIntTaskFile) != 0; }));
    turn();
    EXPECT_EQ(port(0, kPxTfd) & 0xff77, 0x4041u);
    EXPECT_EQ(port(0, kPxSact) & (1u << 5), 1u << 5);
    disk_node->fails = nullptr;
    restart(0);
    EXPECT_EQ(port(0, kPxSact), 0u);
    EXPECT_EQ(run(0, {kReadLogExt, 0x10, 1}, {{kData, 512}}), kGood);
    EXPECT_EQ(*at(kData), 5);
    EXPECT_EQ(*at(kData + 3), kUncorrectable);
    EXPECT_EQ(load_le<uint16_t>(at(kData + 4)), 0x128);
    uint8_t sum = 0;
    for (uint8_t b : bytes(kData, 512))
        sum = static_cast<uint8_t>(sum + b);
    EXPECT_EQ(sum, 0);
    // Read once, the error is forgotten and the queue works again.
    EXPECT_EQ(run(0, {kReadLogExt, 0x10, 1}, {{kData, 512}}), kGood);
    EXPECT_EQ(*at(kData), 0x80);
    put_command(0, 2, {kReadQueued, 1, 2 << 3, 1}, {{kData, 512}});
    set_port(0, kPxSact, 4);
    issue(0, 4);
    EXPECT_TRUE(run_until([&] { return port(0, kPxSact) == 0; }));
}

TEST_F(AhciTest, othersWaitForTheQueueToEmpty) {
    start(0);
    disk_node->hold = true;
    put_command(0, 0, {kReadQueued, 1, 0, 1}, {{kData, 512}});
    put_command(0, 1, {kFlush}, {});
    set_port(0, kPxSact, 1);
    issue(0, 3);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 1; }));
    turn();
    EXPECT_EQ(port(0, kPxCi), 2u);
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return port(0, kPxCi) == 0; }));
    EXPECT_EQ(disk_node->seen.back().op, block::Op::Flush);
}

TEST_F(AhciTest, aResetWaitsForWhatIsUnderWay) {
    start(0);
    disk_node->hold = true;
    put_command(0, 0, {kReadDma, 9, 1}, {{kData, 512}});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 1; }));
    std::memset(at(kData), 0xee, 512);
    set(kGhc, kGhcReset);
    EXPECT_EQ(get(kGhc), kGhcAhci);
    EXPECT_EQ(port(0, kPxCi), 0u);
    set_port(0, kPxCmd, kCmdFisReceive);
    turn();
    EXPECT_EQ(port(0, kPxSig), kSigNone) << "the signature would promise that the drive is idle";
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return port(0, kPxSig) == 0x101; }));
    EXPECT_EQ(moved(0), 0u);
    start(0);
    EXPECT_EQ(run(0, {kReadDma, 9, 1}, {{kData, 512}}), kGood);
}

TEST_F(AhciTest, stoppingTheListForgetsItsCommands) {
    start(0);
    disk_node->hold = true;
    put_command(0, 0, {kReadDma, 9, 1}, {{kData, 512}});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 1; }));
    set_port(0, kPxCmd, kCmdFisReceive);
    EXPECT_EQ(port(0, kPxCi), 0u);
    EXPECT_TRUE(port(0, kPxTfd) & kBusy);
    set_port(0, kPxCmd, kCmdFisReceive | kCmdListOverride);
    EXPECT_FALSE(port(0, kPxTfd) & kBusy);
    set_port(0, kPxCmd, kCmdFisReceive | kCmdStart);
    put_command(0, 0, {kFlush}, {});
    issue(0, 1);
    turn();
    EXPECT_EQ(port(0, kPxCi), 1u) << "the slot waits for the drive";
    disk_node->release();
    EXPECT_TRUE(run_until([&] { return port(0, kPxCi) == 0; }));
}

TEST_F(AhciTest, linkResetBringsTheSignatureBack) {
    start(0);
    set_port(0, kPxCmd, kCmdFisReceive);
    set_port(0, kPxSctl, 0x301);
    EXPECT_EQ(port(0, kPxSsts), 0u);
    EXPECT_EQ(port(0, kPxSig), kSigNone);
    set_port(0, kPxSctl, 0x300);
    EXPECT_EQ(port(0, kPxSsts), 0x113u);
    EXPECT_TRUE(port(0, kPxSerr) & kSerrExchanged);
    EXPECT_TRUE(port(0, kPxIs) & kIntConnect);
    EXPECT_TRUE(run_until([&] { return port(0, kPxSig) == 0x101; }));
    set_port(0, kPxSctl, 4);
    EXPECT_EQ(port(0, kPxSsts), 4u);
    set_port(2, kPxSctl, 1);
    set_port(2, kPxSctl, 0);
    EXPECT_EQ(port(2, kPxSsts), 0u);
}

TEST_F(AhciTest, softwareResetIsTwoFrames) {
    start(0);
    EXPECT_EQ(run(0, {kSetMultiple, 0, 2}), kGood);
    uint8_t fis[20] = {kRegisterH2D, 0};
    fis[15] = 0x04;
    put_frame(0, 0, fis, {});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return port(0, kPxCi) == 0; }));
    set_port(0, kPxIs, ~0u);
    fis[15] = 0;
    put_frame(0, 0, fis, {});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return (port(0, kPxIs) & kIntRegister) != 0; }));
    EXPECT_EQ(port(0, kPxTfd), 0x150u);
    run(0, {kIdentify}, {{kData, 512}});
    EXPECT_EQ(load_le<uint16_t>(at(kData + 118)), 0x110) << "settings are back at their start";
}

TEST_F(AhciTest, commandsNeedARunningList) {
    start(0);
    set_port(0, kPxCmd, kCmdFisReceive);
    issue(0, 1);
    EXPECT_EQ(port(0, kPxCi), 0u);
    set_port(0, kPxSact, 1);
    EXPECT_EQ(port(0, kPxSact), 0u);
}

TEST_F(AhciTest, portsWithoutADriveDoNothing) {
    start(3);
    issue(3, 1);
    turn();
    EXPECT_EQ(port(3, kPxCi), 1u);
    EXPECT_EQ(port(3, kPxIs), 0u);
}

TEST_F(AhciTest, aSlowReadIsStoppedByAReset) {
    start(0);
    // Two pieces: after the first, the reset ends it.
    disk_node->hold = true;
    put_command(0, 0, {kReadDmaExt, 0, 4096}, {{kData, 2u << 20}});
    issue(0, 1);
    EXPECT_TRUE(run_until([&] { return disk_node->held.size() == 1; }));
    set(kGhc, kGhcReset);
    turn();
    disk_node->release();
    turn();
    EXPECT_EQ(disk_node->count(block::Op::Read), 1u);
}

}  // namespace
}  // namespace vmm::ata
