// Every CPUID leaf of one vCPU, from the policy: what KVM_SET_CPUID2 is given. Pure.
#pragma once

#include <vector>

#include "target/i386/cpu/apic_id.h"
#include "target/i386/cpu/cpuid_set.h"
#include "target/i386/cpu/policy.h"

namespace vmm {

std::vector<CpuidEntry> leaves_for(const CpuidPolicy& policy, const CpuTopology& topology,
                                   unsigned vcpu_index);

}  // namespace vmm
