// The process's clocks: they run with the VM, fire never early, and survive absurd times.
#include "system/clock/loop_clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace vmm {
namespace {

constexpr int64_t kMs = 1'000'000;

void sleep_ms(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// Runs the loop until the condition holds or the time is over.
template <typename F>
bool run_until(EventLoop& loop, int64_t limit_ns, F condition) {
    int64_t end = monotonic_ns() + limit_ns;
    while (!condition() && monotonic_ns() < end) {
        if (!loop.iterate(false)) sleep_ms(1);
    }
    return condition();
}

TEST(VmClock, standsStillUntilStarted) {
    EventLoop loop;
    VmClock clock(loop);
    EXPECT_EQ(clock.now_ns(), 0);
    sleep_ms(2);
    EXPECT_EQ(clock.now_ns(), 0);
    clock.start();
    sleep_ms(2);
    EXPECT_GE(clock.now_ns(), 2 * kMs);
    clock.stop();
    int64_t stopped = clock.now_ns();
    sleep_ms(2);
    EXPECT_EQ(clock.now_ns(), stopped);
    clock.start();
    EXPECT_LT(clock.now_ns() - stopped, 1000 * kMs);
    EXPECT_GE(clock.now_ns(), stopped);
}

TEST(VmClock, timerArmedWhileStoppedFiresAfterStart) {
    EventLoop loop;
    VmClock clock(loop);
    int64_t fired_at = -1;
    auto timer = clock.make_timer([&] { fired_at = clock.now_ns(); });
    timer->arm(3 * kMs);
    EXPECT_FALSE(run_until(loop, 10 * kMs, [&] { return fired_at >= 0; }));
    clock.start();
    EXPECT_TRUE(run_until(loop, 5000 * kMs, [&] { return fired_at >= 0; }));
    EXPECT_GE(fired_at, 3 * kMs);
}

TEST(VmClock, stopHoldsBackATimer) {
    EventLoop loop;
    VmClock clock(loop);
    bool fired = false;
    auto timer = clock.make_timer([&] { fired = true; });
    clock.start();
    timer->arm(clock.now_ns() + 5 * kMs);
    clock.stop();
    EXPECT_FALSE(run_until(loop, 15 * kMs, [&] { return fired; }));
    clock.start();
    EXPECT_TRUE(run_until(loop, 5000 * kMs, [&] { return fired; }));
}

TEST(VmClock, disarmedTimerDoesNotFire) {
    EventLoop loop;
    VmClock clock(loop);
    clock.start();
    bool fired = false;
    auto timer = clock.make_timer([&] { fired = true; });
    timer->arm(clock.now_ns() + 2 * kMs);
    timer->disarm();
    EXPECT_FALSE(run_until(loop, 10 * kMs, [&] { return fired; }));
}

TEST(VmClock, absurdTimesNeitherFireNorOverflow) {
    EventLoop loop;
    VmClock clock(loop);
    clock.start();
    int fired = 0;
    auto far = clock.make_timer([&] { ++fired; });
    far->arm(INT64_MAX);
    EXPECT_FALSE(run_until(loop, 5 * kMs, [&] { return fired > 0; }));
    far->arm(INT64_MIN);
    EXPECT_TRUE(run_until(loop, 5000 * kMs, [&] { return fired == 1; }));
}

TEST(HostClock, showsTheWallClockAndFires) {
    EventLoop loop;
    HostClock clock(loop);
    int64_t before = realtime_ns();
    int64_t now = clock.now_ns();
    EXPECT_GE(now, before);
    int64_t fired_at = -1;
    auto timer = clock.make_timer([&] { fired_at = clock.now_ns(); });
    timer->arm(now + 2 * kMs);
    EXPECT_TRUE(run_until(loop, 5000 * kMs, [&] { return fired_at >= 0; }));
    EXPECT_GE(fired_at, now + 2 * kMs);
}

TEST(VmClock, timersArmedFromAnotherThreadFire) {
    EventLoop loop;
    VmClock clock(loop);
    clock.start();
    int fired = 0;
    auto timer = clock.make_timer([&] { ++fired; });
    std::thread other([&] { timer->arm(clock.now_ns() + kMs); });
    EXPECT_TRUE(run_until(loop, 5000 * kMs, [&] { return fired == 1; }));
    other.join();
}

}  // namespace
}  // namespace vmm
