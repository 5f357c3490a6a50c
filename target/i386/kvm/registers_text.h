// The registers of a vCPU as text, in the form that tools read from QEMU's `info registers`. Pure.
#pragma once

#include <string>

#include "linux-headers/kvm_abi.h"

namespace vmm::kvm {

struct RegistersShown {
    kvm_regs regs{};
    kvm_sregs sregs{};
    kvm_debugregs debug{};
    abi::Xsave fpu{};
    bool halted = false;
    bool interrupt_shadow = false;  // after STI or a load of SS
    bool in_smm = false;
};

// What a report needs: all but the floating-point and vector registers. Ends without a newline.
std::string registers_text(const RegistersShown& shown);
// Those.
std::string vector_registers_text(const RegistersShown& shown);

}  // namespace vmm::kvm
