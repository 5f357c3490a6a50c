// Model-specific registers: which a reset brings to which value, and setting many with one call. KVM stops at
// the first register a guest of this kind does not have; such registers are left out and the rest is set with
// a further call, so that the usual case is one call and no list has to be asked for.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "accel/kvm/vcpu.h"

namespace vmm::kvm {

using Msr = std::pair<uint32_t, uint64_t>;

// The registers with a defined value after reset that software may have changed.
std::span<const Msr> reset_msrs();

enum class Unknown { Skip, Refuse };
// Refuse: a register that cannot be set is an error that names it.
Status set_msrs(Vcpu& vcpu, std::span<const Msr> msrs, Unknown unknown);

}  // namespace vmm::kvm
