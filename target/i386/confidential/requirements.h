// Requirements: what a kind of guest needs of the VM and forbids the board. Code asks this structure, never
// which kind it is, so that a new technology is a new row of answers. Plain data, header only.
#pragma once

#include <cstdint>
#include <string_view>

#include "system/memory/visibility.h"

namespace vmm {

// Who may see and set the registers of a vCPU.
enum class CpuState : uint8_t {
    Open,      // this program, at any time
    Measured,  // set before the launch, part of the measurement; never seen again
    Hidden,    // nobody: the hardware has its own reset state
};

// How wide the guest's physical addresses are.
enum class PhysBitsRule : uint8_t {
    Any,      // as -cpu says
    OfHost,   // what the host has, no more and no less
    Reduced,  // the host's, less what encryption takes: reduced_phys_bits
};

struct Requirements {
    uint32_t vm_type = 0;                       // KVM_X86_*_VM
    std::string_view vm_type_name = "default";  // for messages
    bool private_memory = false;      // RAM has a guest_memfd beside it, attributes say which side counts
    bool map_gpa_hypercalls = false;  // the guest asks for conversions by hypercall
    bool faults_ask_for_conversion = true;  // false: only hypercalls do, a fault is a race with one
    bool split_irqchip = false;             // the kernel may hold the local APICs only
    bool kernel_lapic = false;              // local APICs in user space will not do
    bool forbids_smm = false;               // one address space, no SMRAM windows
    bool forbids_pic = false;               // no 8259s, and no 8254 behind them
    bool forbids_pflash = false;            // the firmware must come from -bios
    bool forbids_readonly_memory = false;   // no read-only slots: ROMs are read by exits; no flash
    bool firmware_required = false;         // no directly booted kernel: -bios (or flash) is measured
    bool firmware_private = false;  // the firmware is RAM with a private side, without its copy below 1 MiB
    bool needs_host_cpu_model = false;  // -cpu host only
    bool pinned_memory = false;         // RAM is encrypted in place: nobody may take pages away
    bool x2apic = false;                // the processors must have it
    bool cannot_reset = false;          // a reset takes a new VM
    bool launched = false;              // there is a launch: launch() and finish() do something
    CpuState cpu_state = CpuState::Open;
    PhysBitsRule phys_bits = PhysBitsRule::Any;
    unsigned reduced_phys_bits = 0;
    unsigned max_vcpus = 0;  // 0: as many as the VM takes
    // Devices reach shared memory only and must be told so.
    bool modern_virtio = false;
    bool access_platform = false;
    Visibility initial_visibility = Visibility::Shared;
};

}  // namespace vmm
