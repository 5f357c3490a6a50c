// Clocks and timers that devices ask for. Three exist: virtual (runs only while the VM runs), realtime (host
// monotonic) and host (wall clock). Timers fire on the clock's event loop thread, never early, with no lock
// held. Tests use FakeClock (tests/fakes), which moves only when told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace vmm {

class Timer {
  public:
    virtual ~Timer() = default;
    // Fires once when the clock reaches this time; replaces an earlier arming. Any thread.
    virtual void arm(int64_t expires_ns) = 0;
    virtual void disarm() = 0;
};

class Clock {
  public:
    virtual ~Clock() = default;
    virtual int64_t now_ns() const = 0;
    // The clock outlives the timer. Destroy timers on the loop thread (or while it does not run).
    virtual std::unique_ptr<Timer> make_timer(std::function<void()> fired) = 0;
};

}  // namespace vmm
