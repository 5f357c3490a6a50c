// BareMachine: the machine "none": no board, no CPU, empty address spaces. What is asked of objects, types
// and machines can be asked of it. Header only.
#pragma once

#include "system/memory/address_space.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "system/run/idle_vcpus.h"
#include "system/run/reset.h"

namespace vmm {

struct BareMachine {
    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion io = MemoryRegion::container("io", 0x10000);
    AddressSpace memory{topology, system, "memory"};
    AddressSpace ports{topology, io, "I/O"};
    IdleVcpus vcpus;
    ResetList resets;
};

}  // namespace vmm
