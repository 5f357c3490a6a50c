// APIC ids from the shape of the processors.
#include "target/i386/cpu/apic_id.h"

#include <bit>

#include "util/check.h"

namespace vmm {
namespace {

unsigned bits_for(unsigned count) {
    return static_cast<unsigned>(std::bit_width(count - 1));
}

unsigned low_bits(uint32_t value, unsigned from, unsigned to) {
    return (value >> from) & ((1u << (to - from)) - 1);
}

}  // namespace

ApicIdLayout apic_id_layout(const CpuTopology& topology) {
    CHECK(topology.sockets > 0 && topology.dies > 0 && topology.cores > 0 && topology.threads > 0,
          "a level of the CPU topology is empty");
    ApicIdLayout layout;
    layout.core_shift = bits_for(topology.threads);
    layout.die_shift = layout.core_shift + bits_for(topology.cores);
    layout.socket_shift = layout.die_shift + bits_for(topology.dies);
    return layout;
}

CpuPlace cpu_place(const CpuTopology& topology, unsigned vcpu_index) {
    CpuPlace place;
    place.thread = vcpu_index % topology.threads;
    vcpu_index /= topology.threads;
    place.core = vcpu_index % topology.cores;
    vcpu_index /= topology.cores;
    place.die = vcpu_index % topology.dies;
    place.socket = vcpu_index / topology.dies;
    return place;
}

uint32_t apic_id_of(const CpuTopology& topology, const CpuPlace& place) {
    const ApicIdLayout layout = apic_id_layout(topology);
    return place.socket << layout.socket_shift | place.die << layout.die_shift |
           place.core << layout.core_shift | place.thread;
}

uint32_t apic_id_of_index(const CpuTopology& topology, unsigned vcpu_index) {
    return apic_id_of(topology, cpu_place(topology, vcpu_index));
}

CpuPlace place_of_apic_id(const CpuTopology& topology, uint32_t apic_id) {
    const ApicIdLayout layout = apic_id_layout(topology);
    CpuPlace place;
    place.thread = low_bits(apic_id, 0, layout.core_shift);
    place.core = low_bits(apic_id, layout.core_shift, layout.die_shift);
    place.die = low_bits(apic_id, layout.die_shift, layout.socket_shift);
    place.socket = apic_id >> layout.socket_shift;
    return place;
}

}  // namespace vmm
