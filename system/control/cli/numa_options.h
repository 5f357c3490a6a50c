// -numa as a whole, for the command line and for set-numa-node: what the options make of the machine's memory
// once the topology is known.
#pragma once

#include <vector>

#include "hw/core/machine_config.h"
#include "qapi/types_machine.h"
#include "util/result.h"

namespace vmm::cli {

// Fills memory.nodes and memory.distances; each processor is in one node afterwards.
Status finish_numa(const std::vector<qapi::NumaOptions>& options, const SmpTopology& smp,
                   MemoryConfig& memory);

}  // namespace vmm::cli
