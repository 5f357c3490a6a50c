// Clocks over the event loop; see loop_clock.h.
#include "system/clock/loop_clock.h"

#include <algorithm>
#include <utility>

#include "util/check.h"

namespace vmm {

namespace {

// A sum that stays at the ends of the range instead of passing them: guests arm timers absurdly far away.
int64_t add_clamped(int64_t a, int64_t b) {
    int64_t sum = 0;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b > 0 ? INT64_MAX : INT64_MIN;
}

}  // namespace

// The timer's mutex is held while the clock is asked and the loop's timer is set, so that of two threads the
// later one wins.
class LoopClock::ClockTimer final : public Timer {
  public:
    ClockTimer(LoopClock& clock, std::function<void()> fired)
        : clock_(clock), fired_(std::move(fired)), timer_(clock.loop_, [this] { due(); }) {}
    ~ClockTimer() override {
        Locked l(clock_.mutex_);
        std::erase(clock_.timers_, this);
    }

    void arm(int64_t expires_ns) override {
        Locked l(mutex_);
        expires_ = expires_ns;
        set();
    }
    void disarm() override {
        Locked l(mutex_);
        expires_.reset();
        timer_.disarm();
    }
    void rearm() {
        Locked l(mutex_);
        set();
    }

  private:
    void set() REQUIRES(mutex_) {
        if (!expires_) return;
        std::optional<int64_t> when = clock_.monotonic_when(*expires_);
        if (when) {
            timer_.arm_at(std::min(*when, INT64_MAX - 1000));
        } else {
            timer_.disarm();
        }
    }

    void due() {
        {
            Locked l(mutex_);
            if (!expires_) return;
            if (clock_.now_ns() < *expires_) return set();
            expires_.reset();
        }
        fired_();
    }

    LoopClock& clock_;
    std::function<void()> fired_;
    Mutex mutex_{LockRank::Clock, "timer"};
    std::optional<int64_t> expires_ GUARDED_BY(mutex_);
    LoopTimer timer_;
};

LoopClock::~LoopClock() {
    Locked l(mutex_);
    CHECK(timers_.empty(), "a clock goes away before its %zu timers", timers_.size());
}

std::unique_ptr<Timer> LoopClock::make_timer(std::function<void()> fired) {
    auto timer = std::make_unique<ClockTimer>(*this, std::move(fired));
    Locked l(mutex_);
    timers_.push_back(timer.get());
    return timer;
}

void LoopClock::rearm_all() {
    std::vector<ClockTimer*> all;
    {
        Locked l(mutex_);
        all = timers_;
    }
    // On the main thread, which alone destroys timers.
    for (ClockTimer* timer : all)
        timer->rearm();
}

int64_t VmClock::now_ns() const {
    Locked l(mutex_);
    return running_ ? monotonic_ns() - offset_ : stopped_at_;
}

bool VmClock::running() const {
    Locked l(mutex_);
    return running_;
}

void VmClock::start() {
    {
        Locked l(mutex_);
        if (running_) return;
        running_ = true;
        offset_ = monotonic_ns() - stopped_at_;
    }
    rearm_all();
}

void VmClock::stop() {
    {
        Locked l(mutex_);
        if (!running_) return;
        stopped_at_ = monotonic_ns() - offset_;
        running_ = false;
    }
    rearm_all();
}

std::optional<int64_t> VmClock::monotonic_when(int64_t clock_ns) const {
    Locked l(mutex_);
    if (!running_) return std::nullopt;
    return add_clamped(clock_ns, offset_);
}

std::optional<int64_t> HostClock::monotonic_when(int64_t clock_ns) const {
    return add_clamped(add_clamped(clock_ns, -realtime_ns()), monotonic_ns());
}

}  // namespace vmm
