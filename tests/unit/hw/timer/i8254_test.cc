// The interval timer: each mode's output, latches, the gate.
#include "hw/timer/i8254.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

class PitTest : public testing::Test {
  protected:
    void control(uint8_t value) { pit_.write(3, value, 1); }
    void count(unsigned channel, uint16_t value) {
        pit_.write(channel, value & 0xff, 1);
        pit_.write(channel, value >> 8, 1);
    }
    uint16_t count(unsigned channel) {
        auto low = static_cast<uint16_t>(pit_.read(channel, 1));
        return static_cast<uint16_t>(low | (pit_.read(channel, 1) << 8));
    }
    void ticks(int64_t n) {
        ticks_ += n;
        clock_.advance_to((ticks_ * 1000000000 + 1193181) / 1193182);
    }
    bool out2() { return (pit_.port61().read(0, 1) & 0x20) != 0; }
    void gate2(bool on) { pit_.port61().write(0, on ? 1 : 0, 1); }

    FakeClock clock_;
    FakeIrqInput irq_;
    I8254 pit_{clock_, irq_.line()};
    int64_t ticks_ = 0;
};

TEST_F(PitTest, rateGeneratorInterruptsOncePerPeriod) {
    control(0x34);
    count(0, 11932);
    unsigned before = irq_.rises();
    ticks(11932 * 100 + 5);
    EXPECT_EQ(irq_.rises(), before + 100);
    EXPECT_LE(clock_.fired(), 101u);
}

TEST_F(PitTest, squareWaveInterruptsOncePerPeriod) {
    control(0x36);
    count(0, 1000);
    unsigned before = irq_.rises();
    ticks(1000 * 50 + 5);
    EXPECT_EQ(irq_.rises(), before + 50);
}

TEST_F(PitTest, aLateLoopStillMakesOneEdge) {
    control(0x34);
    count(0, 1000);
    unsigned before = irq_.rises();
    clock_.jump(10'000'000);
    clock_.advance(1);
    EXPECT_EQ(irq_.rises(), before + 1);
    EXPECT_EQ(clock_.fired(), 1u);
}

TEST_F(PitTest, oneShotInterruptsOnce) {
    control(0x30);
    EXPECT_FALSE(irq_.level());
    count(0, 500);
    ticks(499);
    EXPECT_FALSE(irq_.level());
    ticks(1);
    EXPECT_TRUE(irq_.level());
    ticks(100'000);
    EXPECT_EQ(irq_.rises(), 1u);
    count(0, 500);
    EXPECT_FALSE(irq_.level());
    ticks(500);
    EXPECT_EQ(irq_.rises(), 2u);
}

TEST_F(PitTest, countsDown) {
    control(0x34);
    count(0, 1000);
    EXPECT_EQ(count(0), 1000);
    ticks(10);
    EXPECT_EQ(count(0), 990);
    ticks(990);
    EXPECT_EQ(count(0), 1000);
}

TEST_F(PitTest, squareWaveCountsByTwo) {
    control(0x36);
    count(0, 1000);
    ticks(10);
    EXPECT_EQ(count(0), 980);
    ticks(490);
    EXPECT_EQ(count(0), 1000);
}

TEST_F(PitTest, latchHoldsUntilBothBytesAreRead) {
    control(0x34);
    count(0, 0x1234);
    ticks(4);
    control(0x00);
    ticks(100);
    control(0x00);
    EXPECT_EQ(count(0), 0x1230);
    EXPECT_EQ(count(0), 0x1234 - 104);
}

TEST_F(PitTest, readBackGivesStatusThenCount) {
    control(0x34);
    count(0, 100);
    ticks(1);
    control(0xc2);                      // count and status of channel 0
    EXPECT_EQ(pit_.read(0, 1), 0xb4u);  // output high, both bytes, mode 2
    EXPECT_EQ(count(0), 99);
    control(0x70);  // channel 1: mode 0, no count yet
    control(0xe4);
    EXPECT_EQ(pit_.read(1, 1), 0x70u);
}

TEST_F(PitTest, oneByteAccess) {
    control(0x14);
    pit_.write(0, 100, 1);
    ticks(10);
    EXPECT_EQ(pit_.read(0, 1), 90u);
    control(0x24);  // high byte only
    pit_.write(0, 0x12, 1);
    EXPECT_EQ(pit_.read(0, 1), 0x12u);
}

TEST_F(PitTest, bcdCounts) {
    control(0x31);
    count(0, 0x0100);
    ticks(1);
    EXPECT_EQ(count(0), 0x0099);
    ticks(99);
    EXPECT_TRUE(irq_.level());
    ticks(1);
    EXPECT_EQ(count(0), 0x9999);
}

TEST_F(PitTest, zeroIsTheLargestCount) {
    control(0x34);
    count(0, 0);
    unsigned before = irq_.rises();
    ticks(65535);
    EXPECT_EQ(irq_.rises(), before);
    ticks(1);
    EXPECT_EQ(irq_.rises(), before + 1);
}

TEST_F(PitTest, gateOfChannel2StopsModeZero) {
    control(0xb0);
    gate2(false);
    count(2, 100);
    ticks(1000);
    EXPECT_FALSE(out2());
    gate2(true);
    ticks(60);
    gate2(false);
    ticks(1000);
    EXPECT_FALSE(out2());
    gate2(true);
    ticks(39);
    EXPECT_FALSE(out2());
    ticks(1);
    EXPECT_TRUE(out2());  // as Linux calibrates its TSC
}

TEST_F(PitTest, gateTriggersTheMonostable) {
    control(0xb2);
    count(2, 10);
    EXPECT_TRUE(out2());
    gate2(true);
    EXPECT_FALSE(out2());
    ticks(10);
    EXPECT_TRUE(out2());
    gate2(false);
    gate2(true);
    EXPECT_FALSE(out2());
}

TEST_F(PitTest, strobesAreLowForOneTick) {
    gate2(true);
    control(0xb8);
    count(2, 5);
    ticks(4);
    EXPECT_TRUE(out2());
    ticks(1);
    EXPECT_FALSE(out2());
    ticks(1);
    EXPECT_TRUE(out2());
}

TEST_F(PitTest, port61KeepsItsBitsAndRefreshToggles) {
    pit_.port61().write(0, 0x03, 1);
    uint64_t first = pit_.port61().read(0, 1);
    EXPECT_EQ(first & 0x03, 0x03u);
    clock_.advance(15085);
    EXPECT_NE(first & 0x10, pit_.port61().read(0, 1) & 0x10);
}

TEST_F(PitTest, hpetTakesTheInterruptOver) {
    control(0x34);
    count(0, 1000);
    pit_.set_irq_enabled(false);
    unsigned before = irq_.rises();
    ticks(100'000);
    EXPECT_EQ(irq_.rises(), before);
    EXPECT_FALSE(irq_.level());
    pit_.set_irq_enabled(true);
    ticks(5'000);
    EXPECT_GT(irq_.rises(), before);
}

TEST_F(PitTest, tinyPeriodIsBoundedByTheLoop) {
    control(0x14);
    pit_.write(0, 2, 1);
    clock_.advance(1'000'000);
    EXPECT_LE(clock_.fired(), 1194u / 2 + 2);
    control(0x14);
    pit_.write(0, 1, 1);  // an output that never rises
    uint64_t before = clock_.fired();
    clock_.advance(1'000'000'000);
    EXPECT_LE(clock_.fired(), before + 1);
}

}  // namespace
}  // namespace vmm
