// The PM timer counts at its frequency, wraps at 24 bits and tells its changes of the highest bit.
#include "hw/acpi/pm_timer.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace vmm::acpi {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kHalfPeriod = 0x800000;  // ticks

TEST(PmTimer, CountsAtItsFrequency) {
    FakeClock clock;
    PmTimer timer(clock);
    EXPECT_EQ(timer.count(), 0u);
    clock.advance(kSecond);
    EXPECT_EQ(timer.count(), 3579545u);
    clock.advance(kSecond);
    EXPECT_EQ(timer.count(), 7159090u);
    clock.advance(100 * kSecond);  // no drift, and wrapped
    EXPECT_EQ(timer.count(), (102 * int64_t{3579545}) & 0xffffff);
}

TEST(PmTimer, SaysTheNanosecondOfTheChange) {
    FakeClock clock;
    PmTimer timer(clock);
    for (int64_t change = 1; change <= 5; ++change) {
        clock.advance_to(timer.change_ns() - 1);
        EXPECT_FALSE(timer.changed());
        clock.advance(1);
        EXPECT_TRUE(timer.changed());
        EXPECT_EQ(timer.count(), (change * kHalfPeriod) & 0xffffff);
        timer.watch();
        EXPECT_FALSE(timer.changed());
    }
}

TEST(PmTimer, StaysChangedUntilWatchedAgain) {
    FakeClock clock;
    PmTimer timer(clock);
    clock.advance(20 * kSecond);  // several changes
    EXPECT_TRUE(timer.changed());
    timer.watch();
    EXPECT_FALSE(timer.changed());
    EXPECT_GT(timer.change_ns(), clock.now_ns());
    EXPECT_LE(timer.change_ns() - clock.now_ns(), 3 * kSecond);
}

TEST(PmTimer, DoesNotOverflowInTenYears) {
    FakeClock clock(10ll * 365 * 24 * 3600 * kSecond);
    PmTimer timer(clock);
    clock.advance_to(timer.change_ns());
    EXPECT_TRUE(timer.changed());
    EXPECT_EQ(timer.count() & (kHalfPeriod - 1), 0u);
}

}  // namespace
}  // namespace vmm::acpi
