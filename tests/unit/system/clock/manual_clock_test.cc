// The clock that a client moves: order of firing, deadlines, and timers that are late when they are armed.
#include "system/clock/manual_clock.h"

#include <gtest/gtest.h>

#include <string>

namespace vmm {
namespace {

struct World {
    EventLoop loop;
    ManualClock clock{loop};
    std::string fired;
    std::unique_ptr<Timer> timer(char name) {
        return clock.make_timer([this, name] { fired += name + std::to_string(clock.now_ns()) + " "; });
    }
};

TEST(ManualClock, Advance_firesInOrderOfDeadlineAtTheDeadline) {
    World w;
    auto a = w.timer('a'), b = w.timer('b'), c = w.timer('c');
    a->arm(30);
    b->arm(10);
    c->arm(31);
    EXPECT_EQ(w.clock.next_deadline(), 10);
    w.clock.advance_to(30);
    EXPECT_EQ(w.fired, "b10 a30 ");
    EXPECT_EQ(w.clock.now_ns(), 30);
    EXPECT_EQ(w.clock.next_deadline(), 31);
    w.clock.advance_to(5);
    EXPECT_EQ(w.clock.now_ns(), 30);
    c->disarm();
    w.clock.advance_to(100);
    EXPECT_EQ(w.fired, "b10 a30 ");
    EXPECT_EQ(w.clock.next_deadline(), std::nullopt);
}

TEST(ManualClock, Timer_mayArmItselfAndOthers) {
    World w;
    std::unique_ptr<Timer> tick;
    int ticks = 0;
    tick = w.clock.make_timer([&] {
        ++ticks;
        tick->arm(w.clock.now_ns() + 10);
    });
    tick->arm(10);
    w.clock.advance_to(100);
    EXPECT_EQ(ticks, 10);
}

TEST(ManualClock, LateTimer_firesOnTheLoopWithoutAStep) {
    World w;
    w.clock.advance_to(50);
    auto a = w.timer('a'), b = w.timer('b');
    a->arm(20);
    b->arm(51);
    EXPECT_EQ(w.fired, "");
    while (w.loop.iterate(false)) {
    }
    EXPECT_EQ(w.fired, "a50 ");
    EXPECT_EQ(w.clock.now_ns(), 50);
}

}  // namespace
}  // namespace vmm
