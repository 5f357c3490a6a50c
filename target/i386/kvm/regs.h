// General and system registers after reset (Intel SDM vol. 3A, table 10-1), and with a directly booted
// kernel's state put on top. Pure: structures in, structures out.
#pragma once

#include "linux-headers/kvm_abi.h"
#include "target/i386/cpu/boot_state.h"

namespace vmm::kvm {

// signature: CPUID.1:EAX, which EDX holds after reset.
kvm_regs reset_regs(uint32_t signature);
// apic_base: the local APIC's address with its enable bit; the boot processor has bit 8 as well.
kvm_sregs reset_sregs(bool boot_processor);

kvm_regs boot_regs(const BootState& boot);
// On top of the reset state.
kvm_sregs boot_sregs(const BootState& boot, kvm_sregs sregs);

// Attributes as a descriptor's bits 40-55.
kvm_segment make_segment(uint16_t selector, uint64_t base, uint32_t limit, uint16_t attributes);

}  // namespace vmm::kvm
