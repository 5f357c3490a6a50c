// Requirements: what a kind of guest needs of the VM and forbids the board. Code asks this structure, never
// which kind it is, so that a new technology is a new row of answers. Plain data, header only.
#pragma once

#include <cstdint>
#include <string_view>

#include "system/memory/visibility.h"

namespace vmm {

struct Requirements {
    uint32_t vm_type = 0;                       // KVM_X86_*_VM
    std::string_view vm_type_name = "default";  // for messages
    bool private_memory = false;      // RAM has a guest_memfd beside it, attributes say which side counts
    bool map_gpa_hypercalls = false;  // the guest asks for conversions by hypercall
    bool faults_ask_for_conversion = true;  // false: only hypercalls do, a fault is a race with one
    bool split_irqchip = false;             // the kernel may hold the local APICs only
    bool forbids_smm = false;               // one address space, no SMRAM windows
    // Devices reach shared memory only and must be told so.
    bool modern_virtio = false;
    bool access_platform = false;
    Visibility initial_visibility = Visibility::Shared;
};

}  // namespace vmm
