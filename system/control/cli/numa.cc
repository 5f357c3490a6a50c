// -numa: nodes, their processors and distances, once all options are known.
#include <algorithm>
#include <map>

#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/numa_options.h"
#include "system/control/cli/typed_option.h"
#include "target/i386/cpu/apic_id.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr unsigned kMostNodes = 128;
constexpr uint8_t kLocalDistance = 10;
constexpr uint8_t kRemoteDistance = 20;

CpuPlace place_of(const SmpTopology& smp, unsigned cpu) {
    return cpu_place({smp.sockets, smp.dies, smp.cores, smp.threads}, cpu);
}

Error unknown_node(const char* what, unsigned node) {
    return Error::make("-numa %s: there is no node %u", what, node)
        .with_hint("add -numa node,nodeid=%u", node);
}

Result<unsigned> add_node(std::map<unsigned, NumaNodeConfig>& nodes, const qapi::NumaNodeOptions& options) {
    unsigned id =
        options.nodeid.value_or(static_cast<uint16_t>(nodes.empty() ? 0 : nodes.rbegin()->first + 1));
    if (id >= kMostNodes)
        return Error::make("-numa node: nodeid expects 0 to %u, not %u", kMostNodes - 1, id);
    if (nodes.contains(id)) return Error::make("-numa node: nodeid=%u is given twice", id);
    if (options.mem)
        return Error::make("-numa node: 'mem' is not available on this machine")
            .with_hint("use memdev=ID with -object memory-backend-ram,id=ID,size=SIZE");
    NumaNodeConfig node;
    node.memory_backend = options.memdev.value_or("");
    for (uint16_t cpu : options.cpus.value_or(std::vector<uint16_t>()))
        node.cpus.push_back(cpu);
    nodes.emplace(id, std::move(node));
    return id;
}

Status add_cpu(MemoryConfig& memory, const qapi::NumaCpuOptions& options, const SmpTopology& smp) {
    if (options.node_id >= memory.nodes.size()) return unknown_node("cpu", options.node_id);
    bool any = false;
    for (unsigned cpu = 0; cpu < smp.max_cpus; ++cpu) {
        CpuPlace place = place_of(smp, cpu);
        if (options.socket_id && *options.socket_id != place.socket) continue;
        if (options.die_id && *options.die_id != place.die) continue;
        if (options.core_id && *options.core_id != place.core) continue;
        if (options.thread_id && *options.thread_id != place.thread) continue;
        memory.nodes[options.node_id].cpus.push_back(cpu);
        any = true;
    }
    if (!any)
        return Error::make("-numa cpu,node-id=%u: no processor has this place", options.node_id)
            .with_hint("-smp gives %u sockets, %u dies, %u cores, %u threads", smp.sockets, smp.dies,
                       smp.cores, smp.threads);
    return {};
}

Status add_distance(MemoryConfig& memory, const qapi::NumaDistOptions& options) {
    size_t count = memory.nodes.size();
    if (options.src >= count) return unknown_node("dist,src", options.src);
    if (options.dst >= count) return unknown_node("dist,dst", options.dst);
    if (options.val < kLocalDistance)
        return Error::make("-numa dist: val expects 10 to 255, not %u", options.val);
    if ((options.src == options.dst) != (options.val == kLocalDistance))
        return Error::make(
            "-numa dist,src=%u,dst=%u: val=%u is wrong, 10 is the distance of a node to itself only",
            options.src, options.dst, options.val);
    if (memory.distances.empty()) memory.distances.assign(count, std::vector<uint8_t>(count, 0));
    memory.distances[options.src][options.dst] = options.val;
    return {};
}

// One direction stands for both.
void complete_distances(MemoryConfig& memory) {
    size_t count = memory.distances.size();
    for (size_t a = 0; a < count; ++a) {
        for (size_t b = 0; b < count; ++b) {
            uint8_t& distance = memory.distances[a][b];
            if (a == b) distance = kLocalDistance;
            if (distance == 0) distance = memory.distances[b][a];
            if (distance == 0) distance = kRemoteDistance;
        }
    }
}

// Every processor belongs to one node; those that no option names are spread by socket, or go to node 0 when
// some are named.
Status place_cpus(MemoryConfig& memory, const SmpTopology& smp) {
    std::vector<int> node_of(smp.max_cpus, -1);
    for (size_t node = 0; node < memory.nodes.size(); ++node) {
        for (unsigned cpu : memory.nodes[node].cpus) {
            if (cpu >= smp.max_cpus)
                return Error::make("-numa: processor %u does not exist, -smp gives %u", cpu, smp.max_cpus);
            if (node_of[cpu] == static_cast<int>(node))
                return Error::make("-numa: processor %u is named twice for node %zu", cpu, node);
            if (node_of[cpu] >= 0)
                return Error::make("-numa: processor %u is in node %d and in node %zu", cpu, node_of[cpu],
                                   node);
            node_of[cpu] = static_cast<int>(node);
        }
    }
    bool none = std::all_of(node_of.begin(), node_of.end(), [](int node) { return node < 0; });
    for (NumaNodeConfig& node : memory.nodes)
        node.cpus.clear();
    for (unsigned cpu = 0; cpu < smp.max_cpus; ++cpu) {
        size_t spread = none ? place_of(smp, cpu).socket % memory.nodes.size() : 0;
        memory.nodes[node_of[cpu] >= 0 ? static_cast<size_t>(node_of[cpu]) : spread].cpus.push_back(cpu);
    }
    return {};
}

}  // namespace

Status take_numa(Builder& builder, const std::string& value) {
    qapi::Keyval parsed =
        TRY(parse_option<qapi::NumaOptions>(value, {.implied_key = "type", .repeatable = {"cpus"}}));
    if (parsed.help) {
        builder.print(branches_help("-numa options", qapi::kNumaOptionsInfo));
        return {};
    }
    builder.numa.push_back(TRY(qapi::from_keyval<qapi::NumaOptions>(parsed.dict)));
    return {};
}

Status finish_numa(const std::vector<qapi::NumaOptions>& options, const SmpTopology& smp,
                   MemoryConfig& memory, NumaSoFar so_far) {
    std::map<unsigned, NumaNodeConfig> nodes;
    std::map<unsigned, qapi::NumaNodeOptions> said;
    for (const qapi::NumaOptions& option : options) {
        TRY(check_hmat_is_on(option, memory.hmat.has_value()));
        auto* node = std::get_if<qapi::NumaNodeOptions>(&option.u);
        if (node != nullptr) said.emplace(TRY(add_node(nodes, *node)), *node);
    }
    for (auto& [id, node] : nodes) {
        if (id != memory.nodes.size()) {
            if (so_far == NumaSoFar::Part) break;
            return Error::make("-numa node: node %zu is missing, node %u exists", memory.nodes.size(), id);
        }
        memory.nodes.push_back(std::move(node));
    }
    // Those after a gap wait for it to be filled.
    if (memory.nodes.size() != nodes.size()) return {};
    for (const qapi::NumaOptions& option : options) {
        if (auto* cpu = std::get_if<qapi::NumaCpuOptions>(&option.u)) TRY(add_cpu(memory, *cpu, smp));
        if (auto* distance = std::get_if<qapi::NumaDistOptions>(&option.u))
            TRY(add_distance(memory, *distance));
    }
    if (memory.nodes.empty()) return {};
    complete_distances(memory);
    TRY(place_cpus(memory, smp));
    if (!memory.hmat) return {};
    for (const qapi::NumaOptions& option : options) {
        if (auto* speed = std::get_if<qapi::NumaHmatLBOptions>(&option.u))
            TRY(add_performance(memory, *speed));
        if (auto* cache = std::get_if<qapi::NumaHmatCacheOptions>(&option.u)) TRY(add_cache(memory, *cache));
    }
    std::vector<qapi::NumaNodeOptions> given;
    for (auto& [id, node] : said)
        given.push_back(std::move(node));
    return finish_hmat(memory, given, so_far == NumaSoFar::All);
}

MemoryConfig without_nodes(MemoryConfig memory) {
    memory.nodes.clear();
    memory.distances.clear();
    if (memory.hmat) memory.hmat.emplace();
    return memory;
}

}  // namespace vmm::cli
