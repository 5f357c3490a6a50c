// X86Accelerator: what an x86 board asks of its accelerator beyond accel/accelerator.h: what the host's CPUs
// offer, vCPUs with their CPUID and reset state, and the accelerator's own interrupt chips. target/i386/kvm
// and target/i386/qtest implement it. In this order: prepare(), host_cpu(), then accelerator().map_memory()
// and create_irqchip(), then create_kernel_pit(), then add_cpu(). Main thread. Header only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "accel/accelerator.h"
#include "system/run/reset.h"
#include "target/i386/cpu/boot_state.h"
#include "target/i386/cpu/core_registers.h"
#include "target/i386/cpu/policy.h"

namespace vmm {

class ConfidentialGuest;
struct LaunchMedia;

struct X86VmOptions {
    uint32_t max_apic_id = 0;
    // Ranges are converted on the guest's request: KVM_HC_MAP_GPA_RANGE goes to user space.
    bool map_gpa_range = false;
    // What protects the guest, told of every vCPU; borrowed, may be null.
    ConfidentialGuest* confidential = nullptr;
};

// How much is asked of the processor itself: each CPUID instruction may be an exit of an outer hypervisor.
enum class HostIdentity {
    Brief,  // vendor and address widths: enough for named models
    Whole,  // names, caches, MWAIT: for -cpu host and max, and host-cache-info
};

// One vCPU, for add_cpu().
struct X86CpuSetup {
    unsigned index = 0;  // among the CPUs that may be there
    std::vector<CpuidEntry> cpuid;
    std::vector<std::pair<uint32_t, uint64_t>> feature_msrs;  // what CpuidPolicy::msrs() gave
    uint32_t apic_id = 0;
    bool boot_processor = false;  // of a PIC outside the accelerator it gets the interrupts
    // A directly booted kernel's state, or that of an IGVM file, read at each reset; borrowed, null or empty
    // without one. Other processors than the boot processor have one in protected guests only.
    const std::optional<BootState>* boot = nullptr;
};

// What becomes of timer ticks that the guest was too slow to take: given later, or dropped.
enum class LostTicks { Delay, Discard };

class X86Accelerator {
  public:
    virtual ~X86Accelerator() = default;
    virtual Accelerator& accelerator() = 0;

    virtual Status prepare(const X86VmOptions& options) = 0;
    // hypercalls_answered: there is a conversion engine for the guest's requests.
    virtual Result<HostCpu> host_cpu(HostIdentity identity, bool hypercalls_answered) = 0;

    // The INTR input of the boot processor, and the PIC that drives it. Not with IrqChipMode::Kernel.
    virtual IrqLine external_interrupt() = 0;
    virtual void connect_pic(ExternalInterrupts& pic) = 0;

    // The accelerator's own chips, IrqChipMode::Kernel only: their part in a reset, and its 8254 on GSI 0,
    // which lets go of it while the HPET replaces it (any thread).
    virtual std::unique_ptr<Resettable> kernel_chips(bool has_pit) = 0;
    virtual Status create_kernel_pit(LostTicks lost_ticks) = 0;
    virtual Status set_kernel_pit_replaced(bool replaced) = 0;

    // Before the machine runs: the vCPU starts paused, in its reset state once that was loaded
    // (Accelerator::reset_vcpus()).
    virtual Status add_cpu(X86CpuSetup setup, const GuestWorld& world) = 0;
    // For a reset that takes a new VM, with all vCPUs paused: closes the VM and what was made in it, and
    // makes all of it again, vCPUs included; what is in the guest_memfds is gone, attributes are as in a new
    // VM. After a failure there is no VM: nothing runs, and rebuild() may be tried again.
    virtual Status rebuild() = 0;
    // Once all is made and the vCPUs are in their reset state: what is measured is loaded.
    virtual Status launch(LaunchMedia& media) = 0;
    // Afterwards, while the others run: one that is reset and runs as they do, and its end.
    virtual Status plug_cpu(X86CpuSetup setup, const GuestWorld& world) = 0;
    virtual void unplug_cpu(unsigned index) = 0;
    // For people: what the vCPU's local APIC holds, and the accelerator's own chips (IrqChipMode::Kernel
    // only). Main thread.
    virtual Result<std::string> local_apic(VcpuId vcpu) = 0;
    virtual Result<std::string> kernel_chips_text() = 0;
    // For dumps. Waits for the vCPU to leave guest mode.
    virtual Result<X86Registers> registers(VcpuId vcpu) = 0;
};

}  // namespace vmm
