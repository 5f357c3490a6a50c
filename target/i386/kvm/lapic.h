// The local APIC after reset (SDM vol. 3A 11.4.7.1), as the register page KVM takes. Pure.
#pragma once

#include "linux-headers/kvm_abi.h"

namespace vmm::kvm {

kvm_lapic_state reset_lapic(uint32_t apic_id, bool boot_processor);

}  // namespace vmm::kvm
