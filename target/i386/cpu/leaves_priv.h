// What the leaf builders share: the vCPU they build for and where the leaves go. Private to this folder.
#pragma once

#include <vector>

#include "target/i386/cpu/apic_id.h"
#include "target/i386/cpu/cpuid_set.h"
#include "target/i386/cpu/policy.h"

namespace vmm {

struct LeafWork {
    const CpuidPolicy& policy;
    CpuTopology topology;
    ApicIdLayout layout;
    CpuPlace place;
    uint32_t apic_id = 0;
    uint32_t level = 0;
    std::vector<CpuidEntry> out;

    // Adds a leaf; one beyond the highest leaf of its range is left out.
    void add(const CpuidEntry& entry);
    void add_indexed(CpuidEntry entry);
};

// The leaf of the policy's host_leaves, or null.
const CpuidEntry* host_leaf(const CpuidPolicy& policy, uint32_t function, uint32_t index = 0);

void add_basic_leaves(LeafWork& work);     // 0, 1, 5, 6, 7, A
void add_cache_leaves(LeafWork& work);     // 2, 4
void add_topology_leaves(LeafWork& work);  // B, 1F
void add_xsave_leaves(LeafWork& work);     // D, 1D, 1E
void add_kvm_leaves(LeafWork& work);       // 4000_0000 and up
void add_extended_leaves(LeafWork& work);  // 8000_0000 to 8000_0008
void add_amd_leaves(LeafWork& work);       // 8000_0005, 6, A, 1D, 1E, 21, 22

// Processors that share a cache of this level.
unsigned sharing_cpus(const CpuTopology& topology, unsigned cache_level);
uint32_t cpu_signature(const CpuidPolicy& policy);

}  // namespace vmm
