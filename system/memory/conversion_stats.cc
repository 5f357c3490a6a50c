// Counters of the conversion engine; see conversion_stats.h.
#include "system/memory/conversion_stats.h"

#include <algorithm>
#include <bit>
#include <chrono>

#include "system/memory/conversion.h"

namespace vmm {

uint64_t conversion_clock_ns() {
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

ConversionCounters ConversionStats::counters() const {
    Locked lock(mutex_);
    ConversionCounters counters = counters_;
    counters.attribute_calls = attribute_calls_;
    counters.discard_calls = discard_calls_;
    counters.discarded_bytes = discarded_bytes_;
    counters.retries = retries_;
    return counters;
}

std::vector<ConversionRecord> ConversionStats::recent() const {
    std::vector<ConversionRecord> records;
    Locked lock(mutex_);
    for (uint64_t n = noted_ - std::min<uint64_t>(noted_, kRecent); n < noted_; ++n)
        records.push_back(ring_[n % kRecent]);
    return records;
}

void ConversionStats::note(const ConversionRecord& record) {
    uint64_t us = record.duration_ns / 1000;
    size_t bucket =
        std::min<size_t>(static_cast<size_t>(std::bit_width(us)), ConversionCounters::kLatencyBuckets - 1);
    const bool to_private = record.to == Visibility::Private;
    Locked lock(mutex_);
    ring_[noted_++ % kRecent] = record;
    counters_.duration_ns += record.duration_ns;
    switch (record.outcome) {
        case ConversionOutcome::Done:
            ++counters_.latency[bucket];
            ++(to_private ? counters_.to_private : counters_.to_shared);
            (to_private ? counters_.bytes_to_private : counters_.bytes_to_shared) += record.bytes_changed;
            if (record.bytes_changed == 0) ++counters_.unchanged;
            break;
        case ConversionOutcome::GuestRefused:
            ++counters_.refused;
            break;
        case ConversionOutcome::HostFailed:
            ++counters_.failed;
            break;
        case ConversionOutcome::Inconsistent:
            ++counters_.inconsistent;
            break;
    }
}

}  // namespace vmm
