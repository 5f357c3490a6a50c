// The places for processors: one for each combination of socket, die, core and thread, with the APIC id and
// NUMA node that belong to it; and which of them a user's description means. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/i386/cpu_device.h"
#include "target/i386/cpu/apic_id.h"
#include "util/result.h"

namespace vmm {

struct CpuSlotPlace {
    CpuPlace place;
    uint32_t apic_id = 0;
    std::optional<uint32_t> node;  // absent without NUMA
};

// The index of the place, or why there is none.
Result<unsigned> find_cpu_place(const CpuTopology& topology, const std::vector<CpuSlotPlace>& places,
                                const CpuDevice::Config& wanted);

}  // namespace vmm
