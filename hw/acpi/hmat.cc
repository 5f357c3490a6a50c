// See hmat.h.
#include "hw/acpi/hmat.h"

#include <algorithm>

#include "util/check.h"

namespace vmm::acpi {

namespace {

constexpr uint16_t kProximity = 0, kPerformance = 1, kCache = 2;
constexpr uint16_t kInitiatorValid = 1;
constexpr uint64_t kPicoseconds = 1000;  // in a nanosecond

void add_proximity(TableBuilder& b, std::optional<unsigned> initiator, uint32_t node) {
    b.u16(kProximity).u16(0).u32(40);
    b.u16(initiator ? kInitiatorValid : 0).u16(0);
    b.u32(initiator.value_or(0)).u32(node).zeros(4 + 8 + 8);
}

void add_matrix(TableBuilder& b, const HmatMatrix& m, const std::vector<unsigned>& initiators) {
    const auto from = static_cast<uint32_t>(initiators.size()), to = static_cast<uint32_t>(m.values.size());
    const uint64_t base = m.base();
    b.u16(kPerformance).u16(0).u32(32 + 4 * from + 4 * to + 2 * from * to);
    b.u8(m.hierarchy).u8(m.kind).u16(0).u32(from).u32(to).u32(0);
    b.u64(m.kind >= HmatMatrix::kBandwidth ? base : base * kPicoseconds);
    for (unsigned node : initiators)
        b.u32(node);
    for (uint32_t node = 0; node < to; ++node)
        b.u32(node);
    CHECK(m.fits(), "a latency or bandwidth does not fit into the table");
    for (unsigned node : initiators)
        for (uint64_t value : m.values[node])
            b.u16(static_cast<uint16_t>(value / base));
}

void add_cache(TableBuilder& b, const HmatCache& c, uint32_t levels) {
    b.u16(kCache).u16(0).u32(32).u32(c.node).u32(0).u64(c.size);
    b.u32(levels | uint32_t{c.level} << 4 | uint32_t{c.associativity} << 8 | uint32_t{c.policy} << 12 |
          uint32_t{c.line} << 16);
    b.u16(0).u16(0);  // no SMBIOS handles
}

}  // namespace

Table build_hmat(const HmatConfig& config, const TableIds& ids) {
    TableBuilder b("HMAT", 2, ids);
    b.u32(0);
    for (uint32_t node = 0; node < config.initiators.size(); ++node)
        add_proximity(b, config.initiators[node], node);
    for (const HmatMatrix& m : config.matrices)
        add_matrix(b, m, config.processors);
    for (const HmatCache& c : config.caches) {
        const auto levels = std::count_if(config.caches.begin(), config.caches.end(),
                                          [&](const HmatCache& other) { return other.node == c.node; });
        add_cache(b, c, static_cast<uint32_t>(levels));
    }
    return b.finish();
}

}  // namespace vmm::acpi
