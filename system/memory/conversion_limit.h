// ConversionLimit: how many conversions a second a guest gets, all its processors together; what comes too
// early waits on its processor's own thread. Conversions take locks of the host's kernel that other guests
// need too, and only a guest that goes wrong makes tens of thousands of them a second. Without a limit it
// costs one load. A tenth of a second's worth may come at once. No wait is longer than kMostWait, so that a
// machine that is stopped stands still soon: a processor gets 1 s / kMostWait conversions whatever the limit
// is. Any thread; pass() without locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace vmm {

class ConversionLimit {
  public:
    static constexpr int64_t kMostWait = 20'000'000;   // ns
    static constexpr int64_t kAtOnce = 100'000'000;    // ns worth of conversions
    static constexpr uint64_t kMostRate = 10'000'000;  // a second
    using Sleep = std::function<void(int64_t ns)>;
    using Clock = int64_t (*)();

    // Tests bring their own time.
    ConversionLimit();
    ConversionLimit(Clock clock, Sleep sleep) : clock_(clock), sleep_(std::move(sleep)) {}

    // 0: none.
    void set_rate(uint64_t a_second);
    uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }
    // Told of each conversion that waits, on its thread. Before any comes.
    void set_watcher(std::function<void()> watcher) { watcher_ = std::move(watcher); }

    [[gnu::hot]] void pass() {
        if (rate_.load(std::memory_order_relaxed) != 0) [[unlikely]]
            wait();
    }
    // How many waited, and how long together.
    uint64_t delayed() const { return delayed_.load(std::memory_order_relaxed); }
    uint64_t delay_ns() const { return delay_ns_.load(std::memory_order_relaxed); }

  private:
    void wait();
    int64_t take_turn(int64_t now, int64_t interval);

    const Clock clock_;
    const Sleep sleep_;
    std::function<void()> watcher_;
    std::atomic<uint64_t> rate_{0};
    std::atomic<int64_t> next_{0};  // when the next one is due
    std::atomic<uint64_t> delayed_{0}, delay_ns_{0};
};

}  // namespace vmm
