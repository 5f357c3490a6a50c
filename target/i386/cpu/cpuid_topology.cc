// Leaves B and 1F: the levels of the topology with their shifts and the x2APIC id (Intel SDM vol. 3A 9.9.1).
#include "target/i386/cpu/leaves_priv.h"

namespace vmm {
namespace {

enum class LevelType : uint32_t { None = 0, Thread = 1, Core = 2, Die = 5 };

struct Level {
    LevelType type;
    unsigned shift;  // bits of the id below the next level up
    unsigned cpus;   // processors at this level
};

void add_level(LeafWork& work, uint32_t function, uint32_t index, const Level& level) {
    work.add_indexed({.function = function,
                      .index = index,
                      .eax = level.shift,
                      .ebx = level.cpus,
                      .ecx = index | static_cast<uint32_t>(level.type) << 8,
                      .edx = work.apic_id});
}

}  // namespace

void add_topology_leaves(LeafWork& work) {
    const CpuTopology& topology = work.topology;
    const Level thread{LevelType::Thread, work.layout.core_shift, topology.threads};
    const Level cores_of_socket{LevelType::Core, work.layout.socket_shift, topology.cpus_per_socket()};
    const Level cores_of_die{LevelType::Core, work.layout.die_shift, topology.cores * topology.threads};
    const Level dies{LevelType::Die, work.layout.socket_shift, topology.cpus_per_socket()};
    const Level none{LevelType::None, 0, 0};
    if (work.policy.cpuid_0xb) {
        add_level(work, 0xb, 0, thread);
        add_level(work, 0xb, 1, cores_of_socket);
        add_level(work, 0xb, 2, none);
    }
    if (topology.dies == 1 || !work.policy.is_intel()) return;
    add_level(work, 0x1f, 0, thread);
    add_level(work, 0x1f, 1, cores_of_die);
    add_level(work, 0x1f, 2, dies);
    add_level(work, 0x1f, 3, none);
}

}  // namespace vmm
