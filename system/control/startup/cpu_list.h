// The machine's processors as the monitor lists them: their places, objects and threads. Main thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "qom/node.h"
#include "target/i386/cpu/apic_id.h"
#include "target/i386/cpu/policy.h"

namespace vmm {

class MachineView;

struct CpuEntry {
    unsigned index = 0;
    CpuPlace place;
    uint32_t apic_id = 0;
    unsigned node = 0;     // NUMA
    std::string qom_path;  // empty: the place is free
};
// Every place for a processor, by index; without a board there is none.
std::vector<CpuEntry> list_cpus(MachineView& view);
// The type of the machine's processors.
std::string machine_cpu_type(const MachineView& view);
// What qom-list tells of a processor.
std::vector<QomProperty> cpu_properties(const CpuEntry& cpu, const CpuidPolicy& policy);
// The host's thread of each processor that is there, by index.
std::map<unsigned, int> cpu_threads(MachineView& view);

}  // namespace vmm
