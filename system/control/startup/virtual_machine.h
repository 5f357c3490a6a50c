// VirtualMachine: everything that one process runs, made in ordered phases from a Configuration and taken
// down in reverse. The phases: process (log, trace, daemon, pid file) -> objects (character devices, memory
// backends, the confidential guest; nothing of the kernel's) -> accelerator (/dev/kvm, the VM) -> memory ->
// board -> run. A phase that fails ends with one line; what the earlier ones made goes in reverse order. Main
// thread.
#pragma once

#include "system/control/configuration.h"
#include "system/control/startup/callers.h"
#include "system/control/startup/host_kernel.h"

namespace vmm {

// Runs the machine to its end; the process's exit status. Why it could not start is logged.
int run_virtual_machine(const Configuration& configuration, const Callers& callers, const HostKernel& kernel);

}  // namespace vmm
