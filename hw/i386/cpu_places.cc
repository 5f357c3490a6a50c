// See cpu_places.h.
#include "hw/i386/cpu_places.h"

namespace vmm {

namespace {

// One level of the topology: what was asked, and how many there are.
struct Level {
    const char* name;
    const std::optional<int32_t>& asked;
    unsigned count;
    unsigned CpuPlace::*part;
};

std::vector<Level> levels_of(const CpuTopology& topology, const CpuDevice::Config& wanted) {
    return {{"socket-id", wanted.socket_id, topology.sockets, &CpuPlace::socket},
            {"die-id", wanted.die_id, topology.dies, &CpuPlace::die},
            {"core-id", wanted.core_id, topology.cores, &CpuPlace::core},
            {"thread-id", wanted.thread_id, topology.threads, &CpuPlace::thread}};
}

Result<uint32_t> id_of_place(const CpuTopology& topology, const CpuDevice::Config& wanted) {
    CpuPlace place;
    for (const Level& level : levels_of(topology, wanted)) {
        // Whoever knows of no dies names none.
        const bool implied = level.part == &CpuPlace::die && level.count == 1;
        if (!level.asked && !implied) return Error::make("CPU %s is not set", level.name);
        const int64_t asked = level.asked.value_or(0);
        if (asked < 0 || asked >= level.count)
            return Error::make("Invalid CPU %s: %lld must be in range 0:%u", level.name,
                               static_cast<long long>(asked), level.count - 1);
        place.*level.part = static_cast<unsigned>(asked);
    }
    return apic_id_of(topology, place);
}

// What else was said must not contradict the place.
Status check_place(const CpuTopology& topology, const CpuSlotPlace& slot, const CpuDevice::Config& wanted) {
    for (const Level& level : levels_of(topology, wanted)) {
        const unsigned is = slot.place.*level.part;
        if (level.asked && *level.asked != static_cast<int64_t>(is))
            return Error::make("property %s: %d doesn't match set apic-id: 0x%x (%s: %u)", level.name,
                               *level.asked, slot.apic_id, level.name, is);
    }
    if (!wanted.node_id || static_cast<int64_t>(slot.node.value_or(0)) == *wanted.node_id) return {};
    return Error::make("node-id=%d must match numa node specified with -numa option", *wanted.node_id);
}

}  // namespace

Result<unsigned> find_cpu_place(const CpuTopology& topology, const std::vector<CpuSlotPlace>& places,
                                const CpuDevice::Config& wanted) {
    const uint32_t apic_id = wanted.apic_id ? *wanted.apic_id : TRY(id_of_place(topology, wanted));
    for (size_t i = 0; i < places.size(); ++i) {
        if (places[i].apic_id != apic_id) continue;
        TRY(check_place(topology, places[i], wanted));
        return static_cast<unsigned>(i);
    }
    const CpuPlace place = place_of_apic_id(topology, apic_id);
    return Error::make(
        "Invalid CPU [socket: %u, die: %u, core: %u, thread: %u] with APIC ID %u, valid index "
        "range 0:%zu",
        place.socket, place.die, place.core, place.thread, apic_id, places.size() - 1);
}

}  // namespace vmm
