// The HPET: counter, comparators, legacy replacement, messages.
#include "hw/timer/hpet.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

class HpetTest : public testing::Test {
  protected:
    Hpet::Lines lines() {
        Hpet::Lines out;
        for (unsigned i = 0; i < out.size(); ++i)
            out[i] = irq_.line(i);
        return out;
    }
    uint64_t get(uint64_t reg) { return hpet_.read(reg, 8); }
    uint32_t get32(uint64_t reg) { return static_cast<uint32_t>(hpet_.read(reg, 4)); }
    void set(uint64_t reg, uint64_t value) { hpet_.write(reg, value, 8); }
    void set32(uint64_t reg, uint32_t value) { hpet_.write(reg, value, 4); }
    void ticks(int64_t n) { clock_.advance(n * 10); }

    static constexpr unsigned kTimer0 = 0x100, kTimer1 = 0x120, kTimer2 = 0x140, kValue = 8, kFsb = 0x10;
    FakeClock clock_{987654320};
    FakeIrqInput irq_;
    FakeMsiSink msi_;
    std::vector<bool> legacy_;
    Hpet hpet_{{}, clock_, lines(), msi_, [this](bool on) { legacy_.push_back(on); }};
};

TEST_F(HpetTest, capabilities) {
    EXPECT_EQ(get(0), 0x009896808086a201u);  // 10^7 fs, three 64-bit timers, legacy
    EXPECT_EQ(get32(4), 10'000'000u);
    EXPECT_EQ(get(kTimer0), 0x00ff010400008030u);
}

TEST_F(HpetTest, counterRunsOnlyWhenEnabled) {
    ticks(100);
    EXPECT_EQ(get(0xf0), 0u);
    set(0x10, 1);
    ticks(100);
    EXPECT_EQ(get(0xf0), 100u);
    set(0x10, 0);
    ticks(100);
    EXPECT_EQ(get(0xf0), 100u);
    set(0xf0, 0xfffffffffffffff0);
    set(0x10, 1);
    ticks(0x20);
    EXPECT_EQ(get(0xf0), 0x10u);
    EXPECT_EQ(get32(0xf4), 0u);
}

TEST_F(HpetTest, oneShotIsOneEdge) {
    set(kTimer2, (20 << 9) | 4);
    set(0x10, 1);
    set(kTimer2 + kValue, 1000);
    ticks(999);
    EXPECT_EQ(irq_.rises(20), 0u);
    ticks(1);
    EXPECT_EQ(irq_.rises(20), 1u);
    EXPECT_FALSE(irq_.level(20));
    ticks(1'000'000);
    EXPECT_EQ(irq_.rises(20), 1u);
    set(kTimer2 + kValue, get(0xf0) + 5);
    ticks(5);
    EXPECT_EQ(irq_.rises(20), 2u);
}

TEST_F(HpetTest, levelStaysUntilStatusIsCleared) {
    set(kTimer0, (20 << 9) | 4 | 2);
    set(0x10, 1);
    set(kTimer0 + kValue, 10);
    ticks(10);
    EXPECT_TRUE(irq_.level(20));
    EXPECT_EQ(get(0x20), 1u);
    set(0x20, 2);
    EXPECT_TRUE(irq_.level(20));
    set(0x20, 1);
    EXPECT_FALSE(irq_.level(20));
    EXPECT_EQ(get(0x20), 0u);
}

TEST_F(HpetTest, periodicAsLinuxProgramsIt) {
    set(0x10, 3);
    EXPECT_EQ(legacy_, std::vector<bool>{true});
    ticks(50);
    set32(kTimer0, 0x4 | 0x8 | 0x40 | 0x100);
    set32(kTimer0 + kValue, get32(0xf0) + 100'000);
    set32(kTimer0 + kValue, 100'000);
    ticks(100'000);
    EXPECT_EQ(irq_.rises(Hpet::kLegacyPit), 1u);
    ticks(900'000);
    EXPECT_EQ(irq_.rises(Hpet::kLegacyPit), 10u);
    clock_.jump(100'000 * 10 * 5);
    ticks(100'000);  // late by five: told once or twice, the phase kept
    EXPECT_LE(irq_.rises(Hpet::kLegacyPit), 12u);
    unsigned before = irq_.rises(Hpet::kLegacyPit);
    ticks(300'000);
    EXPECT_EQ(irq_.rises(Hpet::kLegacyPit), before + 3);
}

TEST_F(HpetTest, legacyReplacementMovesTheSecondTimerToTheRtcLine) {
    set(kTimer1, 4);
    set(kTimer1 + kValue, 10);
    set(0x10, 3);
    ticks(10);
    EXPECT_EQ(irq_.rises(Hpet::kLegacyRtc), 1u);
    set(0x10, 1);
    EXPECT_EQ(legacy_, (std::vector<bool>{true, false}));
}

TEST_F(HpetTest, messagesInsteadOfPins) {
    set(kTimer2, 4 | (1 << 14));
    set(kTimer2 + kFsb, 0xfee0100000004041);
    set(0x10, 1);
    set(kTimer2 + kValue, 10);
    ticks(10);
    ASSERT_EQ(msi_.sent.size(), 1u);
    EXPECT_EQ(msi_.sent[0], (MsiMessage{0xfee01000, 0x4041}));
}

TEST_F(HpetTest, routesThatDoNotExistAreSilent) {
    set(kTimer2, 4 | (5 << 9));
    set(0x10, 1);
    set(kTimer2 + kValue, 10);
    ticks(10);
    EXPECT_EQ(irq_.rises(5), 0u);
}

TEST_F(HpetTest, narrowComparatorComesRoundAgain) {
    set(kTimer2, 4 | 0x100 | (20 << 9));
    set(0x10, 1);
    set(kTimer2 + kValue, 0xffffffff00000010);
    EXPECT_EQ(get(kTimer2 + kValue), 0x10u);
    ticks(0x10);
    EXPECT_EQ(irq_.rises(20), 1u);
    ticks(int64_t{1} << 32);
    EXPECT_EQ(irq_.rises(20), 2u);
}

TEST_F(HpetTest, tinyPeriodIsBounded) {
    set(kTimer2, 4 | 8 | 0x40 | (20 << 9));
    set(0x10, 1);
    set(kTimer2 + kValue, 1);
    set(kTimer2 + kValue, 1);
    clock_.advance(1'000'000'000);
    EXPECT_LE(clock_.fired(), 10'010u);
    EXPECT_GT(clock_.fired(), 9'000u);
}

TEST_F(HpetTest, resetStopsAll) {
    set(kTimer0, (20 << 9) | 4 | 2);
    set(0x10, 3);
    set(kTimer0 + kValue, 10);
    ticks(10);
    hpet_.reset_hold();
    EXPECT_FALSE(irq_.level(Hpet::kLegacyPit));
    EXPECT_EQ(get(0x10), 0u);
    EXPECT_EQ(get(0xf0), 0u);
    EXPECT_EQ(get(kTimer0), 0x00ff010400008030u);
    EXPECT_EQ(legacy_.back(), false);
    EXPECT_FALSE(clock_.next_expiry().has_value());
}

}  // namespace
}  // namespace vmm
