// -numa hmat-lb and hmat-cache: how fast nodes' memory is; see numa_options.h. What can be said is what ACPI
// 6.3, 5.2.27 can hold.
#include <algorithm>

#include "system/control/cli/numa_options.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

bool has_cpus(const MemoryConfig& memory, unsigned node) {
    return node < memory.nodes.size() && !memory.nodes[node].cpus.empty();
}

HmatMatrix& matrix_for(HmatConfig& hmat, const qapi::NumaHmatLBOptions& o, size_t nodes) {
    const auto hierarchy = static_cast<uint8_t>(o.hierarchy), kind = static_cast<uint8_t>(o.data_type);
    const auto key = [](const HmatMatrix& m) { return std::pair(m.hierarchy, m.kind); };
    const auto at = std::find_if(hmat.matrices.begin(), hmat.matrices.end(),
                                 [&](const HmatMatrix& m) { return key(m) >= std::pair(hierarchy, kind); });
    if (at != hmat.matrices.end() && key(*at) == std::pair(hierarchy, kind)) return *at;
    HmatMatrix fresh{.hierarchy = hierarchy, .kind = kind};
    fresh.values.assign(nodes, std::vector<uint64_t>(nodes, 0));
    return *hmat.matrices.insert(at, std::move(fresh));
}

// In the matrix's unit.
Result<uint64_t> value_of(const qapi::NumaHmatLBOptions& o) {
    const bool bandwidth = static_cast<uint8_t>(o.data_type) >= HmatMatrix::kBandwidth;
    const char* wanted = bandwidth ? "bandwidth" : "latency";
    const char* other = bandwidth ? "latency" : "bandwidth";
    if (bandwidth ? o.latency.has_value() : o.bandwidth.has_value())
        return Error::make("Invalid option '%s' since the data type is %s", other, wanted);
    const std::optional<uint64_t>& value = bandwidth ? o.bandwidth : o.latency;
    if (!value) return Error::make("Missing '%s' option", wanted);
    constexpr uint64_t kMostLatency = UINT64_MAX / 1000;  // the table counts picoseconds
    if (!bandwidth && *value > kMostLatency)
        return Error::make("Latency %llu between initiator=%u and target=%u is too large",
                           static_cast<unsigned long long>(*value), o.initiator, o.target);
    if (!bandwidth) return *value;
    if (*value % kMiB != 0)
        return Error::make("Bandwidth %llu between initiator=%u and target=%u should be 1MB aligned",
                           static_cast<unsigned long long>(*value), o.initiator, o.target);
    return *value / kMiB;
}

Status check_pair(const qapi::NumaHmatLBOptions& o, const MemoryConfig& memory) {
    const size_t count = memory.nodes.size();
    if (o.initiator >= count)
        return Error::make("Invalid initiator=%u, it should be less than %zu", o.initiator, count);
    if (o.target >= count)
        return Error::make("Invalid target=%u, it should be less than %zu", o.target, count);
    if (!has_cpus(memory, o.initiator))
        return Error::make("Invalid initiator=%u, it isn't an initiator proximity domain", o.initiator);
    return {};
}

// Both latency and bandwidth of the memory itself, from somewhere.
bool is_known(const HmatConfig& hmat, unsigned node) {
    bool latency = false, bandwidth = false;
    for (const HmatMatrix& m : hmat.matrices) {
        if (m.hierarchy != 0) continue;
        for (const auto& row : m.values)
            if (row[node] != 0) (m.kind >= HmatMatrix::kBandwidth ? bandwidth : latency) = true;
    }
    return latency && bandwidth;
}

}  // namespace

Status check_hmat_is_on(const qapi::NumaOptions& option, bool on) {
    const auto* node = std::get_if<qapi::NumaNodeOptions>(&option.u);
    const bool wanted = (node != nullptr && node->initiator) ||
                        std::holds_alternative<qapi::NumaHmatLBOptions>(option.u) ||
                        std::holds_alternative<qapi::NumaHmatCacheOptions>(option.u);
    if (!wanted || on) return {};
    return Error::make(
        "ACPI Heterogeneous Memory Attribute Table (HMAT) is disabled, enable it with -machine hmat=on "
        "before using any of hmat specific options");
}

Status add_performance(MemoryConfig& memory, const qapi::NumaHmatLBOptions& o) {
    TRY(check_pair(o, memory));
    const uint64_t value = TRY(value_of(o));
    const bool bandwidth = static_cast<uint8_t>(o.data_type) >= HmatMatrix::kBandwidth;
    HmatMatrix& matrix = matrix_for(*memory.hmat, o, memory.nodes.size());
    uint64_t& slot = matrix.values[o.initiator][o.target];
    if (slot != 0)
        return Error::make("Duplicate configuration of the %s for initiator=%u and target=%u",
                           bandwidth ? "bandwidth" : "latency", o.initiator, o.target);
    slot = value;
    if (matrix.fits()) return {};
    return Error::make(
        "%s %llu between initiator=%u and target=%u should not differ from previously entered values by a "
        "factor of more than %llu",
        bandwidth ? "Bandwidth" : "Latency",
        static_cast<unsigned long long>(bandwidth ? value * kMiB : value), o.initiator, o.target,
        static_cast<unsigned long long>(HmatMatrix::kMost));
}

Status add_cache(MemoryConfig& memory, const qapi::NumaHmatCacheOptions& o) {
    constexpr unsigned kLevels = 3;
    const size_t count = memory.nodes.size();
    if (o.node_id >= count)
        return Error::make("Invalid node-id=%u, it should be less than %zu", o.node_id, count);
    if (!is_known(*memory.hmat, o.node_id))
        return Error::make(
            "The latency and bandwidth information of node-id=%u should be provided before memory side cache "
            "attributes",
            o.node_id);
    if (o.level == 0 || o.level > kLevels)
        return Error::make("Invalid level=%u, it should be larger than 0 and less than or equal to %u",
                           o.level, kLevels);
    for (const HmatCache& other : memory.hmat->caches) {
        if (other.node != o.node_id) continue;
        if (other.level == o.level)
            return Error::make("Duplicate configuration of the side cache for node-id=%u and level=%u",
                               o.node_id, o.level);
        if (other.level < o.level ? o.size <= other.size : o.size >= other.size)
            return Error::make(
                "Invalid size=%llu, the size of level=%u should be %s than the size(%llu) of level=%u",
                static_cast<unsigned long long>(o.size), o.level, other.level < o.level ? "larger" : "less",
                static_cast<unsigned long long>(other.size), other.level);
    }
    memory.hmat->caches.push_back({.node = o.node_id,
                                   .level = o.level,
                                   .size = o.size,
                                   .associativity = static_cast<uint8_t>(o.associativity),
                                   .policy = static_cast<uint8_t>(o.policy),
                                   .line = o.line});
    return {};
}

Status finish_hmat(MemoryConfig& memory, const std::vector<qapi::NumaNodeOptions>& given, bool all_known) {
    HmatConfig& hmat = *memory.hmat;
    const auto by_node = [](const HmatCache& a, const HmatCache& b) {
        return std::pair(a.node, a.level) < std::pair(b.node, b.level);
    };
    std::sort(hmat.caches.begin(), hmat.caches.end(), by_node);
    for (unsigned node = 0; node < memory.nodes.size(); ++node) {
        const std::optional<uint16_t>& initiator = given[node].initiator;
        if (has_cpus(memory, node)) {
            if (initiator && *initiator != node && all_known)
                return Error::make("The initiator of CPU NUMA node %u should be itself (got %u)", node,
                                   *initiator);
            hmat.processors.push_back(node);
            hmat.initiators.push_back(node);
            continue;
        }
        hmat.initiators.push_back(initiator);
        if (!all_known) continue;
        if (!initiator)
            return Error::make(
                "The initiator of NUMA node %u is missing, use '-numa node,initiator' option to declare it",
                node);
        if (!has_cpus(memory, *initiator))
            return Error::make("The initiator of NUMA node %u is invalid.", node);
    }
    return {};
}

}  // namespace vmm::cli
