// A host of which everything can be had: for accelerators that run no guest code (tests, launch plans). Pure.
#pragma once

#include "target/i386/cpu/policy.h"

namespace vmm {

HostCpu any_host();

}  // namespace vmm
