// What the conversion engine did so far: counters, a histogram of how long conversions took, and the last
// ones. Guarded by a mutex of the engine's, which a conversion takes anyway when it ends.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "system/memory/address.h"
#include "system/memory/visibility.h"
#include "util/mutex.h"

namespace vmm {

enum class ConversionOutcome : uint8_t {
    Done,          // also when everything was as wanted already (bytes_changed is 0)
    GuestRefused,  // the guest asked for what cannot be; answer it so
    HostFailed,    // the host failed; all is as before, the VM may go on
    Inconsistent,  // the host failed, and failed again to take it back: the VM must stop
};

struct ConversionRecord {
    uint64_t start_ns = 0;  // CLOCK_MONOTONIC
    uint64_t duration_ns = 0;
    GpaRange range = GpaRange::of(Gpa(0), 1);
    Visibility to = Visibility::Shared;
    ConversionOutcome outcome{};
    uint64_t bytes_changed = 0;
};

// What was asked of the kernel, as counted at the seams.
struct ConversionCalls {
    uint64_t attribute = 0;  // repeats not counted
    uint64_t discard = 0;
    uint64_t discarded_bytes = 0;  // in these calls; pages that were not there count too
    uint64_t retries = 0;          // EAGAIN and EINTR
};

struct ConversionCounters {
    // Bucket n counts conversions of less than 2^n microseconds (and not less than half of that); the last
    // has no upper end.
    static constexpr size_t kLatencyBuckets = 24;

    uint64_t to_private = 0;  // done, by direction
    uint64_t to_shared = 0;
    uint64_t unchanged = 0;  // of those: everything was as wanted
    uint64_t refused = 0;
    uint64_t failed = 0;  // taken back
    uint64_t inconsistent = 0;
    uint64_t bytes_to_private = 0;
    uint64_t bytes_to_shared = 0;
    ConversionCalls calls;
    uint64_t duration_ns = 0;  // of all that were asked for, however they ended
    std::array<uint64_t, kLatencyBuckets> latency{};
};

class ConversionStats {
  public:
    static constexpr size_t kRecent = 64;

    // The mutex is borrowed; who notes holds it.
    explicit ConversionStats(Mutex& mutex);

    // Now, by the processor's time stamp counter: one instruction, where the clock is two hundred and pages
    // of its own. How long a tick is comes from comparing both over the life of this object.
    static uint64_t ticks() { return __builtin_ia32_rdtsc(); }

    ConversionCounters counters() const;
    // The last conversions, oldest first.
    std::vector<ConversionRecord> recent() const;

    struct Noted {
        uint64_t start = 0;  // ticks()
        uint64_t taken = 0;  // ticks
        GpaRange range = GpaRange::of(Gpa(0), 1);
        Visibility to = Visibility::Shared;
        ConversionOutcome outcome{};
        uint64_t bytes_changed = 0;
    };
    [[gnu::always_inline]] void note(const Noted& noted, const ConversionCalls& calls) REQUIRES(mutex_) {
        note(calls);
        ring_[noted_++ % kRecent] = noted;
        taken_ += noted.taken;
        if (noted.outcome != ConversionOutcome::Done) [[unlikely]]
            return note_undone(noted.outcome);
        ++counters_.latency[bucket_of(noted.taken)];
        ++(noted.to == Visibility::Private ? counters_.to_private : counters_.to_shared);
        (noted.to == Visibility::Private ? counters_.bytes_to_private : counters_.bytes_to_shared) +=
            noted.bytes_changed;
        if (noted.bytes_changed == 0) ++counters_.unchanged;
    }
    [[gnu::always_inline]] void note(const ConversionCalls& calls) REQUIRES(mutex_) {
        counters_.calls.attribute += calls.attribute;
        counters_.calls.discard += calls.discard;
        counters_.calls.discarded_bytes += calls.discarded_bytes;
        counters_.calls.retries += calls.retries;
    }

  private:
    // The clock and the counter, read at once.
    struct Moment {
        uint64_t ns;
        uint64_t ticks;
    };
    static Moment moment();
    double ns_a_tick() const;
    // 2^64 / ticks a microsecond, for the histogram.
    uint64_t measure_us_a_tick() const;
    void note_undone(ConversionOutcome outcome) REQUIRES(mutex_);
    [[gnu::always_inline]] size_t bucket_of(uint64_t taken) REQUIRES(mutex_) {
        if (us_a_tick_ == 0) [[unlikely]]
            us_a_tick_ = measure_us_a_tick();
        const auto us = static_cast<uint64_t>((static_cast<unsigned __int128>(taken) * us_a_tick_) >> 64);
        return std::min<size_t>(static_cast<size_t>(std::bit_width(us)),
                                ConversionCounters::kLatencyBuckets - 1);
    }

    Mutex& mutex_;
    const Moment made_;
    ConversionCounters counters_ GUARDED_BY(mutex_);  // all but duration_ns
    uint64_t taken_ GUARDED_BY(mutex_) = 0;           // ticks
    uint64_t us_a_tick_ GUARDED_BY(mutex_) = 0;       // once known
    uint64_t noted_ GUARDED_BY(mutex_) = 0;
    std::array<Noted, kRecent> ring_ GUARDED_BY(mutex_);
};

}  // namespace vmm
