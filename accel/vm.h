// The accelerator as the rest of the machine sees it: makes a VM of a given type with given needs, says what
// it can do, and implements the interfaces the lower storeys declare. accel/kvm is the one implementation.
#pragma once

#include <cstdint>
#include <string_view>

#include "system/irq/msi.h"
#include "system/irq/routes.h"
#include "system/memory/attribute_sink.h"
#include "system/run/vcpus.h"
#include "util/result.h"

namespace vmm {

class IrqInput;
class Topology;

// Where the interrupt controllers live: kernel_irqchip=on, split (local APICs in the kernel, the rest here),
// off.
enum class IrqChipMode { Kernel, Split, User };

// What the machine needs of the VM; the type number is the kernel's KVM_X86_*_VM.
struct VmRequirements {
    uint32_t vm_type = 0;
    std::string_view vm_type_name = "default";  // for messages
    IrqChipMode irqchip = IrqChipMode::Kernel;
    unsigned max_vcpus = 1;
    uint32_t max_apic_id = 0;
    bool private_memory = false;        // memory attributes and unmappable guest_memfds
    bool mappable_guest_memfd = false;  // memory-backend-guest-memfd
};

}  // namespace vmm
