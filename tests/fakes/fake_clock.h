// FakeClock: time that moves only when a test says so; due timers fire in order, each at its own time.
// One thread. A timer that re-arms itself for the present is stopped after a bound: that is a defect of the
// device, and the test sees it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "system/clock/clock.h"
#include "util/check.h"

namespace vmm {

class FakeClock final : public Clock {
  public:
    explicit FakeClock(int64_t now_ns = 0) : now_(now_ns) {}
    int64_t now_ns() const override { return now_; }
    std::unique_ptr<Timer> make_timer(std::function<void()> fired) override {
        return std::make_unique<FakeTimer>(*this, std::move(fired));
    }

    void advance(int64_t ns) { advance_to(now_ + ns); }
    void advance_to(int64_t end) {
        unsigned rounds = 0;
        while (FakeTimer* next = first_due(end)) {
            now_ = std::max(now_, *next->expires);
            next->expires.reset();
            next->fired();
            ++fired_;
            CHECK(++rounds < kMostFirings, "timers fire without end");
        }
        now_ = end;
    }
    // Moves without firing anything (a VM that slept); the next advance() fires what is late.
    void jump(int64_t ns) { now_ += ns; }
    // The earliest armed time, if any timer is armed.
    std::optional<int64_t> next_expiry() const {
        const FakeTimer* next = first_due(std::numeric_limits<int64_t>::max());
        return next == nullptr ? std::nullopt : next->expires;
    }
    uint64_t fired() const { return fired_; }

  private:
    static constexpr unsigned kMostFirings = 1'000'000;

    struct FakeTimer final : Timer {
        FakeTimer(FakeClock& owner, std::function<void()> call) : clock(owner), fired(std::move(call)) {
            clock.timers_.push_back(this);
        }
        ~FakeTimer() override { std::erase(clock.timers_, this); }
        void arm(int64_t expires_ns) override { expires = expires_ns; }
        void disarm() override { expires.reset(); }

        FakeClock& clock;
        std::function<void()> fired;
        std::optional<int64_t> expires;
    };

    FakeTimer* first_due(int64_t end) const {
        FakeTimer* first = nullptr;
        for (FakeTimer* timer : timers_) {
            if (!timer->expires || *timer->expires > end) continue;
            if (first == nullptr || *timer->expires < *first->expires) first = timer;
        }
        return first;
    }

    int64_t now_;
    uint64_t fired_ = 0;
    std::vector<FakeTimer*> timers_;
};

}  // namespace vmm
