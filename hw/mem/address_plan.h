// Where a memory module goes in the part of the guest's address space that is kept for modules. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "system/memory/address.h"
#include "util/result.h"

namespace vmm {

struct PlacedModule {
    GpaRange range;
    std::string name;  // for messages
};

struct ModuleRequest {
    uint64_t size = 0;       // bytes
    uint64_t alignment = 1;  // of address and size; a power of two
    uint64_t address = 0;    // where the user wants it; 0: anywhere
};

// The lowest place that is free, or the one that was asked for; or why there is none. The modules that are
// there are disjoint, in any order.
Result<GpaRange> plan_module(const GpaRange& window, std::span<const PlacedModule> there,
                             const ModuleRequest& request);

}  // namespace vmm
