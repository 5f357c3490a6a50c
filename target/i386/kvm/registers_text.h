// The registers of a vCPU as text, for error reports: a few lines a person can read. Pure.
#pragma once

#include <string>

#include "linux-headers/kvm_abi.h"

namespace vmm::kvm {

std::string registers_text(const kvm_regs& regs, const kvm_sregs& sregs);

}  // namespace vmm::kvm
