// What the host's KVM and processor offer to guests, as target/i386/cpu wants to know it. Asked once at
// start-up, before the vCPUs; main thread.
#pragma once

#include "accel/kvm/vm.h"
#include "target/i386/cpu/policy.h"

namespace vmm::kvm {

// How much is asked of the processor itself: each CPUID instruction may be an exit of an outer hypervisor.
enum class HostIdentity {
    Brief,  // vendor and address widths: enough for named models
    Whole,  // names, caches, MWAIT: for -cpu host and max, and host-cache-info
};

// hypercalls_answered: KVM_HC_MAP_GPA_RANGE leaves to user space (vm_setup.h) and there is a conversion
// engine.
Result<HostCpu> read_host_cpu(Vm& vm, HostIdentity identity, bool hypercalls_answered);

}  // namespace vmm::kvm
