// Reads a host's facts: /proc, /sys, device nodes, CPUID, KVM. Changes nothing; makes VMs of a moment to ask
// KVM what depends on a VM's type. What cannot be read stays at its default. Main thread.
#pragma once

#include <string>

#include "system/control/doctor/facts.h"
#include "util/ioctl.h"

namespace vmm::doctor {

// device: KVM's, "/dev/kvm". The door is for its ioctls.
HostFacts read_host(IoctlDoor& door, const std::string& device);

// The files alone, below a folder that stands for "/" ("" is the host's own). For tests and for read_host().
HostFacts read_files(const std::string& root);

// The options that are y or m in the text of a kernel's configuration.
std::set<std::string> parse_kernel_config(const std::string& text);

}  // namespace vmm::doctor
