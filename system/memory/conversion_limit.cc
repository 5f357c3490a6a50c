// A leaky bucket that remembers when the next conversion is due; see conversion_limit.h.
#include "system/memory/conversion_limit.h"

#include <time.h>

#include <algorithm>

#include "util/event_loop.h"

namespace vmm {

namespace {
constexpr int64_t kSecond = 1'000'000'000;

// Ends early when a signal comes, which is as good.
void sleep_for(int64_t ns) {
    const timespec time{.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
    (void)::nanosleep(&time, nullptr);
}
}  // namespace

ConversionLimit::ConversionLimit() : ConversionLimit(monotonic_ns, sleep_for) {}

void ConversionLimit::set_rate(uint64_t a_second) {
    next_.store(0, std::memory_order_relaxed);
    rate_.store(a_second, std::memory_order_relaxed);
}

// How long to wait. What is due never lies further ahead than the longest wait: nobody pays for that later.
int64_t ConversionLimit::take_turn(int64_t now, int64_t interval) {
    int64_t due = next_.load(std::memory_order_relaxed), mine = 0;
    do {
        mine = std::clamp(due, now - kAtOnce, now + kMostWait);
    } while (!next_.compare_exchange_weak(due, mine + interval, std::memory_order_relaxed));
    return mine - now;
}

void ConversionLimit::wait() {
    const uint64_t rate = rate_.load(std::memory_order_relaxed);
    if (rate == 0) return;
    const int64_t interval = kSecond / static_cast<int64_t>(rate);
    const int64_t wait = take_turn(clock_(), interval);
    if (wait <= 0) return;
    delayed_.fetch_add(1, std::memory_order_relaxed);
    delay_ns_.fetch_add(static_cast<uint64_t>(wait), std::memory_order_relaxed);
    if (watcher_) watcher_();
    sleep_(wait);
}

}  // namespace vmm
