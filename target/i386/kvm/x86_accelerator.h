// X86Accelerator on KVM; see target/i386/x86_accelerator.h. Made by start-up from the VM it opened.
#pragma once

#include <optional>

#include "accel/kvm/accelerator.h"
#include "target/i386/kvm/external_interrupt.h"
#include "target/i386/x86_accelerator.h"

namespace vmm::kvm {

// Where the processors' features come from: the host, or the model's wish alone (launch plans).
enum class CpuSource : uint8_t { Host, Wish };

class X86Accelerator final : public vmm::X86Accelerator {
  public:
    // The VM is borrowed and outlives this. IrqChipMode::User is treated as Split.
    X86Accelerator(Vm& vm, IrqChipMode mode, CpuSource cpus = CpuSource::Host)
        : vm_(vm), cpus_(cpus), accelerator_(vm, mode) {}

    vmm::Accelerator& accelerator() override { return accelerator_; }
    Status prepare(const X86VmOptions& options) override;
    Result<HostCpu> host_cpu(HostIdentity identity, bool hypercalls_answered) override;
    IrqLine external_interrupt() override { return IrqLine(external_interrupt_, 0); }
    void connect_pic(ExternalInterrupts& pic) override;
    std::unique_ptr<Resettable> kernel_chips(bool has_pit) override;
    Status create_kernel_pit(LostTicks lost_ticks) override;
    Status set_kernel_pit_replaced(bool replaced) override;
    Status add_cpu(X86CpuSetup setup, const GuestWorld& world) override;
    Status rebuild() override;
    Status launch(LaunchMedia& media) override;
    Status plug_cpu(X86CpuSetup setup, const GuestWorld& world) override;
    void unplug_cpu(unsigned index) override;
    Result<std::string> local_apic(VcpuId vcpu) override;
    Result<std::string> kernel_chips_text() override;
    Result<X86Registers> registers(VcpuId vcpu) override;

  private:
    std::unique_ptr<VcpuArch> arch_for(X86CpuSetup setup);
    Status rebuild_vcpus();

    Vm& vm_;
    const CpuSource cpus_;
    ConfidentialGuest* confidential_ = nullptr;
    // What is told to a new VM again.
    X86VmOptions options_;
    std::optional<LostTicks> pit_;
    std::vector<CpuidEntry> first_cpuid_;
    ExternalInterrupt external_interrupt_;
    Accelerator accelerator_;  // last: its threads end before what they use
};

}  // namespace vmm::kvm
