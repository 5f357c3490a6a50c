// SRAT and SLIT: which processors and which memory belong to which node, and how far nodes are apart (ACPI
// 6.4, 5.2.16 and 5.2.17). Called by the board when the machine has NUMA nodes. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/acpi/madt.h"
#include "hw/acpi/table.h"

namespace vmm::acpi {

struct SratCpu {
    MadtCpu cpu;
    uint32_t node;
};
struct SratMemory {
    uint64_t base;
    uint64_t size;
    uint32_t node;
    bool hot_pluggable = false;
};
struct SratConfig {
    std::vector<SratCpu> cpus;
    std::vector<SratMemory> memory;
};
Table build_srat(const SratConfig& config, const TableIds& ids);

// distances[from][to]: square, 10 on the diagonal, 255 for "cannot reach".
using Distances = std::vector<std::vector<uint8_t>>;
Table build_slit(const Distances& distances, const TableIds& ids);

}  // namespace vmm::acpi
