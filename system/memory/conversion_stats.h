// What the conversion engine did so far: counters, a histogram of how long conversions took, and the last
// ones. Thread-safe (a leaf lock, taken once a conversion).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "system/memory/address.h"
#include "system/memory/visibility.h"
#include "util/mutex.h"

namespace vmm {

enum class ConversionOutcome : uint8_t;

struct ConversionRecord {
    uint64_t start_ns = 0;  // CLOCK_MONOTONIC
    uint64_t duration_ns = 0;
    GpaRange range = GpaRange::of(Gpa(0), 1);
    Visibility to = Visibility::Shared;
    ConversionOutcome outcome{};
    uint64_t bytes_changed = 0;
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
    uint64_t attribute_calls = 0;  // as counted at the seams, repeats not counted
    uint64_t discard_calls = 0;
    uint64_t discarded_bytes = 0;  // in these calls; pages that were not there count too
    uint64_t duration_ns = 0;      // of all that were asked for, however they ended
    uint64_t retries = 0;          // EAGAIN and EINTR
    std::array<uint64_t, kLatencyBuckets> latency{};
};

class ConversionStats {
  public:
    static constexpr size_t kRecent = 64;

    ConversionCounters counters() const;
    // The last conversions, oldest first.
    std::vector<ConversionRecord> recent() const;

    void note(const ConversionRecord& record);
    void note_attribute_call() { attribute_calls_.fetch_add(1, std::memory_order_relaxed); }
    void note_discard_call(uint64_t bytes) {
        discard_calls_.fetch_add(1, std::memory_order_relaxed);
        discarded_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }
    void note_retry() { retries_.fetch_add(1, std::memory_order_relaxed); }

  private:
    mutable Mutex mutex_{LockRank::Leaf, "conversion statistics"};
    ConversionCounters counters_ GUARDED_BY(mutex_);
    std::array<ConversionRecord, kRecent> ring_ GUARDED_BY(mutex_);
    uint64_t noted_ GUARDED_BY(mutex_) = 0;
    std::atomic<uint64_t> attribute_calls_{0};
    std::atomic<uint64_t> discard_calls_{0};
    std::atomic<uint64_t> discarded_bytes_{0};
    std::atomic<uint64_t> retries_{0};
};

// Now, for ConversionRecord.
uint64_t conversion_clock_ns();

}  // namespace vmm
