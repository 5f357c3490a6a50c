// Floating point and vector state after reset: everything in its initial state, x87 and SSE control words as
// the architecture says. Pure.
#pragma once

#include "linux-headers/kvm_abi.h"

namespace vmm::kvm {

abi::Xsave reset_xsave();
kvm_xcrs reset_xcrs();

}  // namespace vmm::kvm
