// -numa as a whole, for the command line and for set-numa-node: what the options make of the machine's memory
// once the topology is known.
#pragma once

#include <vector>

#include "hw/core/machine_config.h"
#include "qapi/types_machine.h"
#include "util/result.h"

namespace vmm::cli {

// Whether more options may follow; what they could make good is then not said.
enum class NumaSoFar : uint8_t { Part, All };
// Fills memory.nodes, memory.distances and, when it is there, memory.hmat; each processor is in one node
// afterwards.
Status finish_numa(const std::vector<qapi::NumaOptions>& options, const SmpTopology& smp,
                   MemoryConfig& memory, NumaSoFar so_far);

// As it was before the nodes were known.
MemoryConfig without_nodes(MemoryConfig memory);

// hmat.cc; for finish_numa() only. All but the first want memory.hmat.
Status check_hmat_is_on(const qapi::NumaOptions& option, bool on);
Status add_performance(MemoryConfig& memory, const qapi::NumaHmatLBOptions& options);
Status add_cache(MemoryConfig& memory, const qapi::NumaHmatCacheOptions& options);
// `given`: what was said of each node.
Status finish_hmat(MemoryConfig& memory, const std::vector<qapi::NumaNodeOptions>& given, bool all_known);

}  // namespace vmm::cli
