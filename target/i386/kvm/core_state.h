// A vCPU's registers out of KVM, for dumps. On the vCPU's thread, or with it paused.
#pragma once

#include "accel/kvm/vcpu.h"
#include "target/i386/cpu/core_registers.h"

namespace vmm::kvm {

// Pure.
X86Registers core_registers(const kvm_regs& regs, const kvm_sregs& sregs);
Result<X86Registers> read_registers(Vcpu& vcpu);

}  // namespace vmm::kvm
