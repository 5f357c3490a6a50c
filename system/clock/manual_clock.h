// ManualClock: a clock that moves only when it is told to, for machines whose time a test client owns
// (-accel qtest). Starts at 0. Advancing fires the timers on the way, each at its own deadline. A timer armed
// for a time that has come fires soon on the loop, without the clock moving.
// Thread: now_ns, arm and disarm any; the rest the loop's. Timers fire on the loop with no lock held.
#pragma once

#include <optional>
#include <vector>

#include "system/clock/clock.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm {

class ManualClock final : public Clock {
  public:
    explicit ManualClock(EventLoop& loop) : loop_(loop) {}
    ~ManualClock() override;
    int64_t now_ns() const override;
    std::unique_ptr<Timer> make_timer(std::function<void()> fired) override;

    // Moves to this time, firing what falls due in order of deadline. A time that has passed: nothing.
    void advance_to(int64_t end_ns);
    // The earliest deadline of an armed timer.
    std::optional<int64_t> next_deadline() const;

  private:
    class ManualTimer;
    // The first timer due by `end`, disarmed, the clock moved to its deadline. Null: none.
    ManualTimer* take_due(int64_t end);
    void fire_overdue();

    EventLoop& loop_;
    mutable Mutex mutex_{LockRank::Leaf, "manual clock"};
    int64_t now_ GUARDED_BY(mutex_) = 0;
    std::vector<ManualTimer*> timers_ GUARDED_BY(mutex_);
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // for what is posted to the loop
};

}  // namespace vmm
