// The guest's page tables, walked as the processor would (Intel SDM vol. 3A, chapter 4): which linear
// addresses lie where in physical memory. The tables are the guest's: they may be nonsense, loop, or lie
// nowhere, and the work has a budget. Pure, but for reading the tables.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "target/i386/cpu/core_registers.h"
#include "util/result.h"

namespace vmm {

struct LinearRun {
    uint64_t linear = 0;
    uint64_t physical = 0;
    uint64_t size = 0;
    friend auto operator<=>(const LinearRun&, const LinearRun&) = default;
};

// False: nothing can be read there.
using ReadPhysical = std::function<bool(uint64_t address, std::span<uint8_t> into)>;

// Everything that is mapped, lowest first, as few runs as there can be. Empty without paging. An error when
// there are more tables or runs than any sensible guest has.
Result<std::vector<LinearRun>> linear_runs(const X86Registers& registers, const ReadPhysical& read);

}  // namespace vmm
