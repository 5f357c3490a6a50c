// The clock that other tests trust.
#include "tests/fakes/fake_clock.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

TEST(FakeClock, timersFireInOrderAtTheirTime) {
    FakeClock clock;
    std::vector<int64_t> seen;
    auto late = clock.make_timer([&] { seen.push_back(clock.now_ns()); });
    auto soon = clock.make_timer([&] { seen.push_back(clock.now_ns()); });
    late->arm(30);
    soon->arm(10);
    clock.advance(20);
    EXPECT_EQ(seen, (std::vector<int64_t>{10}));
    clock.advance(20);
    EXPECT_EQ(seen, (std::vector<int64_t>{10, 30}));
    EXPECT_EQ(clock.now_ns(), 40);
}

TEST(FakeClock, periodicTimerFiresEachPeriod) {
    FakeClock clock;
    int count = 0;
    std::unique_ptr<Timer> timer;
    timer = clock.make_timer([&] {
        ++count;
        timer->arm(clock.now_ns() + 5);
    });
    timer->arm(5);
    clock.advance(50);
    EXPECT_EQ(count, 10);
    timer->disarm();
    EXPECT_FALSE(clock.next_expiry().has_value());
    clock.advance(50);
    EXPECT_EQ(count, 10);
}

}  // namespace
}  // namespace vmm
