// What the host's KVM and processor offer to guests, as target/i386/cpu wants to know it. Asked once at
// start-up, before the vCPUs; main thread.
#pragma once

#include "accel/kvm/vcpu.h"
#include "target/i386/x86_accelerator.h"

namespace vmm::kvm {

// hypercalls_answered: KVM_HC_MAP_GPA_RANGE leaves to user space (vm_setup.h) and there is a conversion
// engine.
// What the CPUID instruction says here.
CpuidSet native_cpuid(HostIdentity identity);
// For launch plans: a processor that has everything, or, asked for as a whole, this one without its KVM.
HostCpu planned_cpu(HostIdentity identity);
Result<HostCpu> read_host_cpu(Vm& vm, HostIdentity identity, bool hypercalls_answered);

// What the vCPU shows its guest: what it was given, as the kernel has it by now.
Result<std::vector<CpuidEntry>> cpuid_of(Vcpu& vcpu);

}  // namespace vmm::kvm
