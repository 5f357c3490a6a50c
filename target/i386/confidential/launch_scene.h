// LaunchScene: what a launch works on, once the machine is made, its memory mapped and its vCPUs are in their
// reset state. The board fills it, ConfidentialGuest::launch() reads it. All borrowed for the call. Header
// only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "system/memory/address.h"
#include "target/i386/confidential/measured_page.h"

namespace vmm {

class AddressSpace;

namespace kvm {
class Vm;
class VcpuSet;
}  // namespace kvm

// A piece of firmware where it lies: -bios, or a flash chip.
struct LaunchImage {
    std::string name;  // of the file, for records
    GpaRange range;
    std::span<uint8_t> bytes;  // the shared side, which SEV encrypts in place
};

// A kernel that firmware starts, as it is offered through fw_cfg.
struct LaunchKernel {
    std::span<const uint8_t> kernel;
    std::span<const uint8_t> initrd;  // empty without one
    std::string command_line;         // without its NUL
};

// A table that firmware fetches through fw_cfg, as it is offered.
struct LaunchTable {
    std::string file;
    std::vector<uint8_t> bytes;
};

// What the board knows.
struct LaunchMedia {
    AddressSpace& memory;
    std::vector<LaunchImage> firmware;  // the one at the reset vector first
    std::optional<LaunchKernel> kernel;
    std::vector<GpaRange> ram;             // as the guest is told, lowest first
    std::vector<LaunchTable> tables = {};  // ACPI's, in the order in which OVMF fetches and measures them
    // Of an IGVM file: measure() these, instead of launch().
    std::optional<std::vector<MeasuredPages>> pages = {};
};

// And what the accelerator adds.
struct LaunchScene {
    LaunchMedia& media;
    kvm::Vm& vm;
    kvm::VcpuSet& vcpus;
};

}  // namespace vmm
