// Statistic: one thing that the accelerator counts of a vCPU or of the whole virtual machine, as query-stats
// tells it. Plain data; made by the accelerator, read by the monitor's queries. KVM's description of its
// counters (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD) is the model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmm {

struct Statistic {
    enum class Kind : uint8_t { Cumulative, Instant, Peak, LinearHistogram, Log2Histogram };
    enum class Unit : uint8_t { None, Bytes, Seconds, Cycles, Boolean };

    std::string name;
    Kind kind = Kind::Cumulative;
    Unit unit = Unit::None;
    // The values are multiples of base^exponent of the unit.
    uint8_t base = 10;
    int16_t exponent = 0;
    uint32_t bucket_size = 0;      // linear histograms
    std::vector<uint64_t> values;  // one, or the buckets
};

}  // namespace vmm
