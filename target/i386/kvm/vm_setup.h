// What an x86 VM is told before it has memory, chips or vCPUs, and the kernel's own timer. In this order:
// prepare_vm(), memory map, interrupt chips, create_kernel_pit(), vCPUs. Main thread.
#pragma once

#include "accel/kvm/vm.h"
#include "system/run/reset.h"
#include "target/i386/x86_accelerator.h"

namespace vmm::kvm {

// Guest-physical pages that KVM uses on some Intel processors to run real mode: one page of page table, three
// of task state. Reserved in e820; nothing else may be mapped there.
inline constexpr uint64_t kKernelPages = 0xfeffc000;
inline constexpr uint64_t kKernelPagesSize = 0x4000;

Status prepare_vm(Vm& vm, const X86VmOptions& options);

// The kernel's 8254, on GSI 0, with its port 0x61. Kernel interrupt chips only.
Status create_kernel_pit(Vm& vm, LostTicks lost_ticks = LostTicks::Delay);
// While the HPET replaces it, the kernel's 8254 lets go of GSI 0. Any thread.
Status set_kernel_pit_replaced(Vm& vm, bool replaced);

// Brings the kernel's PICs, IOAPIC and PIT back to their reset state. New ones are in it already, so the
// first reset makes no call. Kernel interrupt chips only.
class KernelChips final : public Resettable {
  public:
    KernelChips(Vm& vm, bool has_pit) : vm_(vm), has_pit_(has_pit) {}
    void reset_hold() override;

  private:
    Status reset();
    Vm& vm_;
    const bool has_pit_;
    bool fresh_ = true;
};

}  // namespace vmm::kvm
