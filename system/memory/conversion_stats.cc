// Counters of the conversion engine; see conversion_stats.h.
#include "system/memory/conversion_stats.h"

#include <time.h>

#include <algorithm>

namespace vmm {

// A comparison of clock and counter over less than this is too coarse.
constexpr uint64_t kShortest = 100'000;

ConversionStats::Moment ConversionStats::moment() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return {static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec), ticks()};
}

ConversionStats::ConversionStats(Mutex& mutex) : mutex_(mutex), made_(moment()) {}

double ConversionStats::ns_a_tick() const {
    Moment now = moment();
    while (now.ns - made_.ns < kShortest)
        now = moment();
    return static_cast<double>(now.ns - made_.ns) / static_cast<double>(now.ticks - made_.ticks);
}

[[gnu::cold]] uint64_t ConversionStats::measure_us_a_tick() const {
    return static_cast<uint64_t>(ns_a_tick() / 1000 * 0x1p64);
}

ConversionCounters ConversionStats::counters() const {
    Locked lock(mutex_);
    ConversionCounters counters = counters_;
    counters.duration_ns = static_cast<uint64_t>(static_cast<double>(taken_) * ns_a_tick());
    return counters;
}

std::vector<ConversionRecord> ConversionStats::recent() const {
    std::vector<ConversionRecord> records;
    const double scale = ns_a_tick();
    auto ns = [scale](uint64_t span) { return static_cast<uint64_t>(static_cast<double>(span) * scale); };
    Locked lock(mutex_);
    for (uint64_t n = noted_ - std::min<uint64_t>(noted_, kRecent); n < noted_; ++n) {
        const Noted& noted = ring_[n % kRecent];
        records.push_back({made_.ns + ns(noted.start - made_.ticks), ns(noted.taken), noted.range, noted.to,
                           noted.outcome, noted.bytes_changed});
    }
    return records;
}

[[gnu::cold]] void ConversionStats::note_undone(ConversionOutcome outcome) {
    switch (outcome) {
        case ConversionOutcome::Done:
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
