// The shape of the processors and the APIC ids that follow from it: each level gets as many bits as its count
// needs, threads lowest (Intel SDM vol. 3A 9.9, AMD APM vol. 3 E.5). Used by the leaf builders, by MADT and
// SRAT. Pure.
#pragma once

#include <cstdint>

namespace vmm {

// Counts of each level inside the one above; all at least 1.
struct CpuTopology {
    unsigned sockets = 1;
    unsigned dies = 1;
    unsigned cores = 1;
    unsigned threads = 1;

    unsigned cores_per_socket() const { return dies * cores; }
    unsigned cpus_per_socket() const { return dies * cores * threads; }
    unsigned cpus() const { return sockets * cpus_per_socket(); }
};

// The place of one vCPU.
struct CpuPlace {
    unsigned socket = 0;
    unsigned die = 0;
    unsigned core = 0;  // in its die
    unsigned thread = 0;
    friend bool operator==(const CpuPlace&, const CpuPlace&) = default;
};

// The bit position in the APIC id where each level starts (threads start at 0).
struct ApicIdLayout {
    unsigned core_shift = 0;
    unsigned die_shift = 0;
    unsigned socket_shift = 0;
};

ApicIdLayout apic_id_layout(const CpuTopology& topology);
// vCPU indexes count threads first, then cores, dies, sockets.
CpuPlace cpu_place(const CpuTopology& topology, unsigned vcpu_index);
uint32_t apic_id_of(const CpuTopology& topology, const CpuPlace& place);
uint32_t apic_id_of_index(const CpuTopology& topology, unsigned vcpu_index);
CpuPlace place_of_apic_id(const CpuTopology& topology, uint32_t apic_id);
// Ids above 254 need x2APIC (255 is the xAPIC broadcast).
inline constexpr uint32_t kMaxXapicId = 254;

}  // namespace vmm
