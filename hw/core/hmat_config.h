// What -numa hmat-lb and hmat-cache say of the nodes' memory, as plain data: how fast each initiator (a node
// with processors) reaches each node's memory, and the caches in front of it. Checked by the command line,
// written into a table by the board (ACPI 6.3, 5.2.27).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace vmm {

// Of one level of the hierarchy and one kind of access; numbered as the table numbers them.
struct HmatMatrix {
    static constexpr uint8_t kBandwidth = 3;  // the kinds from here on are bandwidths
    static constexpr uint64_t kMost = 0xfffe;

    uint8_t hierarchy = 0;  // 0: the memory, 1 to 3: its caches
    uint8_t kind = 0;
    // values[initiator][target], both counting all nodes: nanoseconds, or MiB/s. 0: nothing is known.
    std::vector<std::vector<uint64_t>> values;

    // What every value is a multiple of: a power of ten for latencies, of two for bandwidths.
    uint64_t base() const {
        const uint64_t step = kind >= kBandwidth ? 2 : 10;
        uint64_t base = 1;
        const auto divides = [&](uint64_t by) {
            bool any = false;
            for (const auto& row : values)
                for (uint64_t value : row) {
                    if (value % by != 0) return false;
                    any |= value != 0;
                }
            return any;
        };
        while (divides(base * step))
            base *= step;
        return base;
    }
    // The table has 16 bits for each.
    bool fits() const {
        const uint64_t unit = base();
        return std::all_of(values.begin(), values.end(), [&](const auto& row) {
            return std::all_of(row.begin(), row.end(), [&](uint64_t value) { return value / unit <= kMost; });
        });
    }
};

struct HmatCache {
    unsigned node = 0;
    uint8_t level = 1;  // 1 to 3
    uint64_t size = 0;
    uint8_t associativity = 0, policy = 0;  // as the table numbers them
    uint16_t line = 0;                      // bytes
};

struct HmatConfig {
    std::vector<std::optional<unsigned>> initiators;  // of each node; absent: nobody knows
    std::vector<unsigned> processors;                 // the nodes that have some
    std::vector<HmatMatrix> matrices;
    std::vector<HmatCache> caches;
};

}  // namespace vmm
