// sw-protected-vm: KVM's software-protected VM. Private memory is real to the host's user space, which cannot
// reach it, and no protection from the kernel: for developing and testing. The kernel must have
// CONFIG_KVM_SW_PROTECTED_VM. Missing, by the kernel's design: measurement, encryption, conversions by memory
// fault (a guest asks by hypercall).
#pragma once

#include "target/i386/confidential/guest.h"

namespace vmm {

class SwProtectedVm final : public ConfidentialGuest {
  public:
    // default_memory: what every page is at start and after a reset.
    SwProtectedVm(std::string id, Visibility default_memory);
    std::string_view type() const override { return "sw-protected-vm"; }
    const Requirements& requirements() const override { return requirements_; }

  private:
    Requirements requirements_;
};

}  // namespace vmm
