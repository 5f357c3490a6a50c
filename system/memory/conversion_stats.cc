// Counters of the conversion engine; see conversion_stats.h.
#include "system/memory/conversion_stats.h"

#include <algorithm>
#include <bit>

#include "system/memory/conversion.h"

namespace vmm {

ConversionCounters ConversionStats::counters() const {
    Locked lock(mutex_);
    return counters_;
}

std::vector<ConversionRecord> ConversionStats::recent() const {
    std::vector<ConversionRecord> records;
    Locked lock(mutex_);
    for (uint64_t n = noted_ - std::min<uint64_t>(noted_, kRecent); n < noted_; ++n)
        records.push_back(ring_[n % kRecent]);
    return records;
}

void ConversionStats::note(const ConversionCalls& calls) {
    counters_.calls.attribute += calls.attribute;
    counters_.calls.discard += calls.discard;
    counters_.calls.discarded_bytes += calls.discarded_bytes;
    counters_.calls.retries += calls.retries;
}

[[gnu::hot]] void ConversionStats::note(const ConversionRecord& record, const ConversionCalls& calls) {
    note(calls);
    uint64_t us = record.duration_ns / 1000;
    size_t bucket =
        std::min<size_t>(static_cast<size_t>(std::bit_width(us)), ConversionCounters::kLatencyBuckets - 1);
    const bool to_private = record.to == Visibility::Private;
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
