// The real-time clock and what firmware finds in the CMOS RAM.
#include "hw/rtc/mc146818.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// 2006-06-17 16:01:21, a Saturday.
constexpr int64_t kStart = 1150560081;

class RtcTest : public testing::Test {
  protected:
    uint8_t get(uint8_t index) {
        rtc_.write(0, index, 1);
        return static_cast<uint8_t>(rtc_.read(1, 1));
    }
    void set(uint8_t index, uint8_t value) {
        rtc_.write(0, index, 1);
        rtc_.write(1, value, 1);
    }
    FakeClock clock_{12345};
    FakeIrqInput irq_;
    Mc146818 rtc_{{.start_seconds = kStart}, clock_, irq_.line()};
};

TEST(Calendar, goesBothWays) {
    for (int64_t seconds : {int64_t{0}, int64_t{951782400}, int64_t{951868799}, int64_t{kStart},
                            int64_t{4102444800}, int64_t{-1}, int64_t{-62135596800}, int64_t{253402300799}}) {
        EXPECT_EQ(to_seconds(to_calendar(seconds)), seconds);
    }
    CalendarTime leap = to_calendar(951782400);
    EXPECT_EQ(leap, (CalendarTime{2000, 2, 29, 0, 0, 0, 3}));
    for (int64_t day = -200000; day < 200000; day += 37)
        EXPECT_EQ(to_seconds(to_calendar(day * 86400)), day * 86400);
}

TEST_F(RtcTest, showsTheStartTimeInBcd) {
    EXPECT_EQ(get(0x00), 0x21);
    EXPECT_EQ(get(0x02), 0x01);
    EXPECT_EQ(get(0x04), 0x16);
    EXPECT_EQ(get(0x06), 7);
    EXPECT_EQ(get(0x07), 0x17);
    EXPECT_EQ(get(0x08), 0x06);
    EXPECT_EQ(get(0x09), 0x06);
    EXPECT_EQ(get(0x32), 0x20);
    EXPECT_EQ(get(0x0d), 0x80);
}

TEST_F(RtcTest, binaryAndTwelveHours) {
    set(0x0b, 0x06);
    EXPECT_EQ(get(0x04), 16);
    EXPECT_EQ(get(0x00), 21);
    set(0x0b, 0x00);
    EXPECT_EQ(get(0x04), 0x84);  // 4 pm
    set(0x04, 0x12);             // 12 am
    set(0x0b, 0x02);
    EXPECT_EQ(get(0x04), 0x00);
}

TEST_F(RtcTest, runsWithItsClock) {
    clock_.advance(40 * kSecond);
    EXPECT_EQ(get(0x00), 0x01);
    EXPECT_EQ(get(0x02), 0x02);
}

TEST_F(RtcTest, setStopsAndKeepsWhatIsWritten) {
    set(0x0b, 0x82);
    set(0x09, 0x99);
    set(0x08, 0x12);
    set(0x07, 0x31);
    set(0x04, 0x23);
    set(0x02, 0x59);
    set(0x00, 0x59);
    set(0x32, 0x19);
    clock_.advance(10 * kSecond);
    EXPECT_EQ(get(0x00), 0x59);
    set(0x0b, 0x02);
    clock_.advance(kSecond);
    EXPECT_EQ(get(0x00), 0x00);
    EXPECT_EQ(get(0x09), 0x00);
    EXPECT_EQ(get(0x32), 0x20);
    EXPECT_EQ(get(0x08), 0x01);
}

TEST_F(RtcTest, yearsFarFromNowAreKept) {
    for (int century : {0x00, 0x16, 0x23, 0x99}) {
        set(0x32, static_cast<uint8_t>(century));
        EXPECT_EQ(get(0x32), century);
        EXPECT_EQ(get(0x09), 0x06);
        clock_.advance(kSecond);
    }
    EXPECT_EQ(get(0x00), 0x25);
}

TEST_F(RtcTest, updateInProgressWarnsBeforeTheSecond) {
    EXPECT_EQ(get(0x0a), 0x26);
    clock_.advance(kSecond - 200'000);
    EXPECT_EQ(get(0x0a), 0xa6);
    clock_.advance(200'000);
    EXPECT_EQ(get(0x0a), 0x26);
}

TEST_F(RtcTest, updateInterruptComesEachSecondUntilRead) {
    set(0x0b, 0x12);
    EXPECT_FALSE(irq_.level());
    clock_.advance(kSecond);
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(get(0x0c) & 0x90, 0x90);
    EXPECT_FALSE(irq_.level());
    EXPECT_EQ(get(0x0c), 0x00);
    clock_.advance(kSecond);
    EXPECT_TRUE(irq_.level());
}

TEST_F(RtcTest, flagsComeWithoutInterruptsToo) {
    clock_.advance(2 * kSecond);
    EXPECT_EQ(get(0x0c) & 0x10, 0x10);
    EXPECT_EQ(get(0x0c) & 0x10, 0x00);
    EXPECT_FALSE(clock_.next_expiry().has_value());  // nothing ticks for it
}

TEST_F(RtcTest, periodicInterruptAtItsRate) {
    set(0x0a, 0x26);  // 1024 Hz
    set(0x0b, 0x42);
    int ticks = 0;
    for (int i = 0; i < 1024; ++i) {
        clock_.advance(kSecond / 1024 + 1);
        if (irq_.level()) ++ticks;
        EXPECT_EQ(get(0x0c) & 0xc0, 0xc0);
    }
    EXPECT_EQ(ticks, 1024);
}

TEST_F(RtcTest, onlyTheResetValuesHoldTheDivider) {
    for (unsigned divider = 0; divider < 8; ++divider) {
        set(0x0b, 0x02);
        set(0x0a, static_cast<uint8_t>(divider << 4 | 0x0d));
        (void)get(0x0c);
        set(0x0b, 0x42);
        clock_.advance(kSecond);
        EXPECT_EQ(irq_.level(), divider <= 2) << divider;
    }
}

TEST_F(RtcTest, alarmAtATimeOfDay) {
    set(0x01, 0x30);
    set(0x03, 0x05);
    set(0x05, 0x16);
    set(0x0b, 0x22);
    clock_.advance(248 * kSecond);
    EXPECT_FALSE(irq_.level());
    clock_.advance(kSecond);
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(get(0x0c) & 0xa0, 0xa0);
    clock_.advance(86399 * kSecond);
    EXPECT_FALSE(irq_.level());
    clock_.advance(kSecond);
    EXPECT_TRUE(irq_.level());
}

TEST_F(RtcTest, alarmThatDoesNotCareFiresEverySecond) {
    set(0x01, 0xff);
    set(0x03, 0xc0);
    set(0x05, 0xff);
    set(0x0b, 0x22);
    for (int i = 0; i < 5; ++i) {
        clock_.advance(kSecond);
        EXPECT_TRUE(irq_.level());
        get(0x0c);
    }
}

TEST_F(RtcTest, whoListensHearsAnAlarmWhoseInterruptIsEnabled) {
    int heard = 0;
    rtc_.on_alarm([&heard] { ++heard; });
    for (uint8_t index : std::initializer_list<uint8_t>{1, 3, 5})
        set(index, 0xc0);
    clock_.advance(3'000'000'000);
    EXPECT_EQ(heard, 0);
    get(0x0c);
    set(0x0b, 0x22);
    clock_.advance(1'000'000'000);
    EXPECT_EQ(heard, 1);
    clock_.advance(2'000'000'000);  // not taken note of yet
    EXPECT_EQ(heard, 1);
}

TEST_F(RtcTest, impossibleAlarmNeverFires) {
    set(0x01, 0x77);
    set(0x0b, 0x22);
    clock_.advance(200'000 * kSecond);
    EXPECT_FALSE(irq_.level());
}

TEST_F(RtcTest, resetKeepsTimeAndRamEndsInterrupts) {
    set(0x40, 0x5a);
    set(0x0b, 0x72);
    clock_.advance(3 * kSecond);
    EXPECT_TRUE(irq_.level());
    rtc_.reset_hold();
    EXPECT_FALSE(irq_.level());
    EXPECT_EQ(get(0x0b), 0x02);
    EXPECT_EQ(get(0x40), 0x5a);
    EXPECT_EQ(get(0x00), 0x24);
}

TEST(Cmos, memorySizesOfAQ35) {
    std::array<uint8_t, cmos::kBytes> ram = {};
    cmos::store_memory_sizes(ram, 0x80000000, 0x180000000);
    EXPECT_EQ(ram[0x15] | (ram[0x16] << 8), 640);
    EXPECT_EQ(ram[0x17] | (ram[0x18] << 8), 65535);
    EXPECT_EQ(ram[0x30] | (ram[0x31] << 8), 65535);
    EXPECT_EQ(ram[0x34] | (ram[0x35] << 8), (0x80000000 - 0x1000000) >> 16);
    EXPECT_EQ(ram[0x5b] | (ram[0x5c] << 8) | (ram[0x5d] << 16), 0x18000);
}

TEST(Cmos, smallMemory) {
    std::array<uint8_t, cmos::kBytes> ram = {};
    cmos::store_memory_sizes(ram, 8u << 20, 0);
    EXPECT_EQ(ram[0x17] | (ram[0x18] << 8), 7168);
    EXPECT_EQ(ram[0x34] | (ram[0x35] << 8), 0);
}

TEST(Cmos, bootOrder) {
    std::array<uint8_t, cmos::kBytes> ram = {};
    cmos::store_boot_order(ram, {3, 2, 4}, false);
    EXPECT_EQ(ram[0x3d], 0x23);
    EXPECT_EQ(ram[0x38], 0x41);
}

TEST(RtcBase, spellings) {
    EXPECT_EQ(rtc_start_seconds("utc", 5 * kSecond), 5);
    EXPECT_TRUE(rtc_start_seconds("localtime", 5 * kSecond).has_value());
    EXPECT_EQ(rtc_start_seconds("2006-06-17T16:01:21", 0), kStart);
    EXPECT_EQ(rtc_start_seconds("2006-06-17", 0), kStart - (16 * 3600 + 81));
    for (const char* bad : {"", "now", "2006-02-30", "2006-13-01", "2006-06-17T25:00:00", "2006-06-17T1:2"})
        EXPECT_FALSE(rtc_start_seconds(bad, 0).has_value()) << bad;
}

// Ten ticks pass while the guest looks away; with driftfix=slew it gets each of them, early ones in half
// periods.
TEST(RtcSlew, ownsUpToTicksThatTheGuestWasTooLateFor) {
    for (bool slew : {false, true}) {
        FakeClock clock{0};
        FakeIrqInput irq;
        Mc146818 rtc{{.start_seconds = kStart, .slew = slew}, clock, irq.line()};
        const auto write = [&](uint8_t index, uint8_t value) {
            rtc.write(0, index, 1);
            rtc.write(1, value, 1);
        };
        constexpr int64_t kPeriod = kSecond / 1024;
        write(0x0b, 0x42);  // periodic interrupts, 1024 Hz
        clock.advance(10 * kPeriod + 5000);
        int got = 0;
        for (int i = 0; i < 10; ++i) {
            if (irq.level()) {
                ++got;
                rtc.write(0, 0x0c, 1);
                EXPECT_EQ(rtc.read(1, 1), 0xc0);
            }
            clock.advance(kPeriod / 2 + 1);
        }
        // Five more periods have passed meanwhile.
        EXPECT_EQ(got, slew ? 10 : 5);
    }
}

}  // namespace
}  // namespace vmm
