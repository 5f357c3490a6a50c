// The clocks of a running process: VmClock runs only while the VM does, HostClock is the wall clock,
// MonotonicClock the host's own. All three keep their timers on one EventLoop. now_ns, arm and disarm may be
// called from any thread and under a device's lock; a timer disarmed by another thread may still fire once if
// it was already due, so a device looks at its own state when called.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "system/clock/clock.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm {

class LoopClock : public Clock {
  public:
    explicit LoopClock(EventLoop& loop) : loop_(loop) {}
    ~LoopClock() override;
    std::unique_ptr<Timer> make_timer(std::function<void()> fired) override;

  protected:
    // The host's monotonic time at which this clock will show `clock_ns`; empty while the clock stands still.
    virtual std::optional<int64_t> monotonic_when(int64_t clock_ns) const = 0;
    // The mapping changed: every armed timer is set anew.
    void rearm_all();

  private:
    class ClockTimer;
    EventLoop& loop_;
    mutable Mutex mutex_{LockRank::Leaf, "clock timers"};
    std::vector<ClockTimer*> timers_ GUARDED_BY(mutex_);
};

// Starts at 0, stopped. start() and stop() are called by the run state, on the main thread.
class VmClock final : public LoopClock {
  public:
    explicit VmClock(EventLoop& loop) : LoopClock(loop) {}
    int64_t now_ns() const override;
    void start();
    void stop();
    bool running() const;

  private:
    std::optional<int64_t> monotonic_when(int64_t clock_ns) const override;

    mutable Mutex mutex_{LockRank::Leaf, "virtual clock"};
    bool running_ GUARDED_BY(mutex_) = false;
    int64_t stopped_at_ GUARDED_BY(mutex_) = 0;  // what it shows while stopped
    int64_t offset_ GUARDED_BY(mutex_) = 0;      // monotonic minus virtual, while running
};

// Nanoseconds since 1970. When the host's clock is set forward, timers that wait may fire late by the step.
class HostClock final : public LoopClock {
  public:
    explicit HostClock(EventLoop& loop) : LoopClock(loop) {}
    int64_t now_ns() const override { return realtime_ns(); }

  private:
    std::optional<int64_t> monotonic_when(int64_t clock_ns) const override;
};

class MonotonicClock final : public LoopClock {
  public:
    explicit MonotonicClock(EventLoop& loop) : LoopClock(loop) {}
    int64_t now_ns() const override { return monotonic_ns(); }

  private:
    std::optional<int64_t> monotonic_when(int64_t clock_ns) const override { return clock_ns; }
};

}  // namespace vmm
