// HostKernel: where requests of the kernel's virtualization go, and whose processors will run the guests.
// main() names this host's; launch plans and tests have a model's. Plain data, header only.
#pragma once

#include "target/i386/kvm/x86_accelerator.h"
#include "util/ioctl.h"

namespace vmm {

struct HostKernel {
    IoctlDoor& door;
    // A model has no processors: they are as -cpu wishes them.
    kvm::CpuSource cpus = kvm::CpuSource::Host;
};

}  // namespace vmm
