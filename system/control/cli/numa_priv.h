// -numa as a whole: what the options make of the machine's memory once the topology is known.
#pragma once

#include <vector>

#include "hw/core/machine_config.h"
#include "system/control/cli/builder_priv.h"

namespace vmm::cli {

// Fills memory.nodes and memory.distances; each processor is in one node afterwards.
Status finish_numa(const std::vector<qapi::NumaOptions>& options, const SmpTopology& smp,
                   MemoryConfig& memory);

}  // namespace vmm::cli
