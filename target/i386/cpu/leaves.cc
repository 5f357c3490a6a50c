// All leaves of a vCPU, in the order of their numbers.
#include "target/i386/cpu/leaves.h"

#include <algorithm>
#include <tuple>

#include "target/i386/cpu/leaves_priv.h"
#include "util/check.h"

namespace vmm {
namespace {

bool in_range(const CpuidPolicy& policy, uint32_t basic_level, uint32_t function) {
    if (function < 0x40000000) return function <= basic_level;
    if (function >= 0xc0000000) return true;
    return function < 0x80000000 || function <= policy.xlevel;
}

uint32_t basic_level(const CpuidPolicy& policy, const CpuTopology& topology) {
    constexpr uint32_t kDieLeaf = 0x1f;
    const bool dies = topology.dies > 1 && policy.is_intel() && policy.level >= 0xb;
    return dies ? std::max(policy.level, kDieLeaf) : policy.level;
}

}  // namespace

void LeafWork::add(const CpuidEntry& entry) {
    if (in_range(policy, level, entry.function)) out.push_back(entry);
}

void LeafWork::add_indexed(CpuidEntry entry) {
    entry.flags |= kCpuidSignificantIndex;
    add(entry);
}

const CpuidEntry* host_leaf(const CpuidPolicy& policy, uint32_t function, uint32_t index) {
    for (const CpuidEntry& entry : policy.host_leaves)
        if (entry.function == function && entry.index == index) return &entry;
    return nullptr;
}

unsigned sharing_cpus(const CpuTopology& topology, unsigned cache_level) {
    return cache_level < 3 ? topology.threads : topology.cores * topology.threads;
}

std::vector<CpuidEntry> leaves_for(const CpuidPolicy& policy, const CpuTopology& topology,
                                   unsigned vcpu_index) {
    CHECK(vcpu_index < topology.cpus(), "vCPU %u of %u", vcpu_index, topology.cpus());
    LeafWork work{.policy = policy,
                  .topology = topology,
                  .layout = apic_id_layout(topology),
                  .place = cpu_place(topology, vcpu_index),
                  .apic_id = apic_id_of_index(topology, vcpu_index),
                  .level = basic_level(policy, topology),
                  .out = {}};
    add_basic_leaves(work);
    add_cache_leaves(work);
    add_topology_leaves(work);
    add_xsave_leaves(work);
    add_kvm_leaves(work);
    add_extended_leaves(work);
    add_amd_leaves(work);
    for (const CpuidEntry& leaf : policy.more_leaves)
        work.add(leaf);
    std::sort(work.out.begin(), work.out.end(), [](const CpuidEntry& a, const CpuidEntry& b) {
        return std::tie(a.function, a.index) < std::tie(b.function, b.index);
    });
    return std::move(work.out);
}

}  // namespace vmm
