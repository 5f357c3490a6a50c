// The clock that a client moves; see manual_clock.h.
#include "system/clock/manual_clock.h"

#include <algorithm>
#include <utility>

#include "util/check.h"

namespace vmm {

class ManualClock::ManualTimer final : public Timer {
  public:
    ManualTimer(ManualClock& clock, std::function<void()> fired) : clock_(clock), fired_(std::move(fired)) {}
    ~ManualTimer() override {
        Locked l(clock_.mutex_);
        std::erase(clock_.timers_, this);
    }

    void arm(int64_t expires_ns) override {
        {
            Locked l(clock_.mutex_);
            expires_ = expires_ns;
            if (expires_ns > clock_.now_) return;
        }
        clock_.loop_.post([clock = &clock_, alive = std::weak_ptr<int>(clock_.alive_)] {
            if (!alive.expired()) clock->fire_overdue();
        });
    }
    void disarm() override {
        Locked l(clock_.mutex_);
        expires_.reset();
    }
    void fire() { fired_(); }

    ManualClock& clock_;
    const std::function<void()> fired_;
    std::optional<int64_t> expires_;  // guarded by the clock's mutex
};

ManualClock::~ManualClock() {
    Locked l(mutex_);
    CHECK(timers_.empty(), "a clock goes away before its %zu timers", timers_.size());
}

int64_t ManualClock::now_ns() const {
    Locked l(mutex_);
    return now_;
}

std::unique_ptr<Timer> ManualClock::make_timer(std::function<void()> fired) {
    auto timer = std::make_unique<ManualTimer>(*this, std::move(fired));
    Locked l(mutex_);
    timers_.push_back(timer.get());
    return timer;
}

std::optional<int64_t> ManualClock::next_deadline() const {
    Locked l(mutex_);
    std::optional<int64_t> first;
    for (const ManualTimer* timer : timers_)
        if (timer->expires_ && (!first || *timer->expires_ < *first)) first = timer->expires_;
    return first;
}

ManualClock::ManualTimer* ManualClock::take_due(int64_t end) {
    Locked l(mutex_);
    ManualTimer* first = nullptr;
    for (ManualTimer* timer : timers_) {
        if (!timer->expires_ || *timer->expires_ > end) continue;
        if (first == nullptr || *timer->expires_ < *first->expires_) first = timer;
    }
    if (first == nullptr) return nullptr;
    now_ = std::max(now_, *first->expires_);
    first->expires_.reset();
    return first;
}

void ManualClock::fire_overdue() {
    // Those armed anew in the past by what fires here are posted again, so this ends.
    std::vector<ManualTimer*> due;
    {
        Locked l(mutex_);
        for (ManualTimer* timer : timers_)
            if (timer->expires_ && *timer->expires_ <= now_) due.push_back(timer);
    }
    for (size_t i = 0; i < due.size(); ++i) {
        ManualTimer* timer = take_due(now_ns());
        if (timer == nullptr) return;
        timer->fire();
    }
}

void ManualClock::advance_to(int64_t end_ns) {
    if (end_ns < now_ns()) return;
    constexpr unsigned kMostAtOnce = 1'000'000;  // firings without the clock moving
    unsigned at_once = 0;
    int64_t before = now_ns();
    while (ManualTimer* timer = take_due(end_ns)) {
        const int64_t now = now_ns();
        at_once = std::exchange(before, now) == now ? at_once + 1 : 0;
        CHECK(at_once < kMostAtOnce, "a timer fires for ever at %lld ns", static_cast<long long>(now));
        timer->fire();
    }
    Locked l(mutex_);
    now_ = std::max(now_, end_ns);
}

}  // namespace vmm
