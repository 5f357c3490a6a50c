// The TCO timer by its registers: ticks, first and second end, locks and what is cleared by ones.
#include "hw/i386/tco.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_requests.h"

namespace vmm {
namespace {

class TcoTest : public ::testing::Test {
  protected:
    uint16_t in(unsigned offset) { return static_cast<uint16_t>(tco.read(offset, 2)); }
    void out(unsigned offset, uint16_t value) { tco.write(offset, value, 2); }
    void begin(uint16_t ticks) {
        out(Tco::kControl1, Tco::kHalt);
        out(Tco::kTimer, ticks);
        out(Tco::kReload, 1);
        out(Tco::kStatus1, 0xffff);
        out(Tco::kStatus2, 0xffff);
        out(Tco::kControl1, 0);
    }
    void tick(int64_t count = 1) { clock.advance(count * Tco::kTickNs); }

    FakeClock clock;
    FakeRequests requests;
    bool forbidden = false;
    Tco tco{clock, requests, [this] { return forbidden; }};
};

TEST_F(TcoTest, startsWithTheDatasheetsValues) {
    EXPECT_EQ(in(Tco::kReload), 0);
    EXPECT_EQ(in(Tco::kDataIn), 0);
    EXPECT_EQ(tco.read(Tco::kStatus1, 4), 0u);
    EXPECT_EQ(tco.read(Tco::kControl1, 4), 0x00080000u);
    EXPECT_EQ(in(Tco::kMessage1), 0);
    EXPECT_EQ(tco.read(Tco::kWatchdogControl, 1), 0u);
    EXPECT_EQ(tco.read(Tco::kInterrupts, 1), 3u);
    EXPECT_EQ(in(Tco::kTimer), 4);
    tick(100);
    EXPECT_EQ(in(Tco::kStatus1), 0);  // nobody started it
}

TEST_F(TcoTest, countsTicksDownAndTellsAtTheEnd) {
    begin(8);
    for (uint16_t left = 8; left != 0; --left) {
        EXPECT_EQ(in(Tco::kReload), left);
        EXPECT_EQ(in(Tco::kStatus1), 0);
        tick();
    }
    EXPECT_EQ(in(Tco::kStatus1), Tco::kTimeout);
    EXPECT_EQ(in(Tco::kStatus2), 0);
    EXPECT_EQ(in(Tco::kReload), 8);  // again
    EXPECT_EQ(requests.watchdogs, 0u);
}

TEST_F(TcoTest, theLongestTimeIsTenBits) {
    begin(0xffff);
    EXPECT_EQ(in(Tco::kTimer), 0x3ff);
    tick(0x3fe);
    EXPECT_EQ(in(Tco::kReload), 1);
    EXPECT_EQ(in(Tco::kStatus1), 0);
    tick();
    EXPECT_EQ(in(Tco::kStatus1), Tco::kTimeout);
}

TEST_F(TcoTest, theSecondEndBarksOnceAndStops) {
    begin(4);
    tick(7);
    EXPECT_EQ(requests.watchdogs, 0u);
    tick();
    EXPECT_EQ(requests.watchdogs, 1u);
    EXPECT_EQ(in(Tco::kStatus2), Tco::kSecondTimeout | Tco::kBootStatus);
    tick(100);
    EXPECT_EQ(requests.watchdogs, 1u);
    out(Tco::kStatus2, in(Tco::kStatus2));
    EXPECT_EQ(in(Tco::kStatus2), 0);
}

TEST_F(TcoTest, whereRebootIsForbiddenItGoesOn) {
    forbidden = true;
    begin(4);
    tick(8);
    EXPECT_EQ(requests.watchdogs, 0u);
    EXPECT_EQ(in(Tco::kStatus2), Tco::kSecondTimeout | Tco::kBootStatus);
    out(Tco::kStatus1, 0xffff);
    tick(4);
    EXPECT_EQ(in(Tco::kStatus1), Tco::kTimeout);
}

TEST_F(TcoTest, aReloadBeginsAnewAndForgetsTheFirstEnd) {
    begin(4);
    for (int i = 0; i < 10; ++i) {
        tick(6);  // past the first end, before the second
        out(Tco::kReload, 1);
        EXPECT_EQ(in(Tco::kReload), 4);
    }
    EXPECT_EQ(requests.watchdogs, 0u);
}

TEST_F(TcoTest, haltKeepsWhatIsLeft) {
    begin(8);
    tick(3);
    out(Tco::kControl1, Tco::kHalt);
    EXPECT_EQ(in(Tco::kReload), 5);
    tick(100);
    EXPECT_EQ(in(Tco::kReload), 5);
    EXPECT_EQ(in(Tco::kStatus1), 0);
    out(Tco::kReload, 1);  // nothing starts it but the halt bit
    tick(100);
    EXPECT_EQ(in(Tco::kStatus1), 0);
}

TEST_F(TcoTest, theLockHoldsUntilReset) {
    out(Tco::kControl1, Tco::kLock);
    out(Tco::kControl1, 0);
    EXPECT_EQ(in(Tco::kControl1), Tco::kLock);
    tco.reset();
    EXPECT_EQ(in(Tco::kControl1), 0);
}

TEST_F(TcoTest, dataPortsRaiseTheirBits) {
    tco.write(Tco::kDataIn, 0x12, 1);
    EXPECT_EQ(in(Tco::kStatus1), Tco::kSoftwareSmi);
    tco.write(Tco::kDataOut, 0x34, 1);
    EXPECT_EQ(in(Tco::kStatus1), Tco::kSoftwareSmi | Tco::kInterrupt);
    EXPECT_EQ(in(Tco::kDataIn), 0x3412);
    out(Tco::kStatus1, Tco::kInterrupt);
    EXPECT_EQ(in(Tco::kStatus1), Tco::kSoftwareSmi);
}

TEST_F(TcoTest, everyRegisterTakesItsBitsOnly) {
    struct Row {
        unsigned offset;
        uint16_t bits;
    };
    for (const Row& row : {Row{Tco::kControl2, 0x3e}, Row{Tco::kMessage1, 0xffff}, Row{Tco::kTimer, 0x3ff},
                           Row{0x14, 0}, Row{0x1e, 0}}) {
        out(row.offset, 0xffff);
        EXPECT_EQ(in(row.offset), row.bits) << row.offset;
        out(row.offset, 0);
        EXPECT_EQ(in(row.offset), 0) << row.offset;
    }
}

TEST_F(TcoTest, aResetStopsItButKeepsTheBootStatus) {
    begin(4);
    tick(8);
    tco.reset();
    EXPECT_EQ(in(Tco::kStatus2), Tco::kBootStatus);
    EXPECT_EQ(in(Tco::kStatus1), 0);
    EXPECT_EQ(clock.next_expiry(), std::nullopt);
}

}  // namespace
}  // namespace vmm
