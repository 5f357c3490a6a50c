// X86Arch: an x86 vCPU's part of the loop: CPUID at creation, the state after reset, the PIC's interrupts
// before each run, hypercalls. A vCPU that was just made is in its reset state already, so the first reset
// sets only what the kernel cannot know.
#pragma once

#include <optional>
#include <vector>

#include "accel/kvm/vcpu_arch.h"
#include "target/i386/confidential/requirements.h"
#include "target/i386/cpu/boot_state.h"
#include "target/i386/cpu/cpuid_set.h"
#include "target/i386/kvm/external_interrupt.h"
#include "target/i386/kvm/msrs.h"

namespace vmm {
class ConfidentialGuest;
}

namespace vmm::kvm {

class X86Arch final : public VcpuArch {
  public:
    struct Config {
        std::vector<CpuidEntry> cpuid;
        std::vector<Msr> feature_msrs;  // what CpuidPolicy::msrs() gave
        uint32_t apic_id = 0;
        bool boot_processor = false;
        // A directly booted kernel's state, or that of an IGVM file, read at each reset; borrowed, null or
        // empty without one.
        const std::optional<BootState>* boot = nullptr;
        // Of the boot processor, with a user-space PIC; borrowed.
        ExternalInterrupt* external_interrupt = nullptr;
        // What protects the guest: it has exits of its own, and says who may see the registers; borrowed.
        ConfidentialGuest* confidential = nullptr;
    };
    explicit X86Arch(Config config) : config_(std::move(config)) {}

    Status prepare(Vcpu& vcpu) override;
    void renewed() override { fresh_ = true; }
    Status reset(Vcpu& vcpu) override;
    [[gnu::hot]] void before_run(Vcpu& vcpu) override {
        if (config_.external_interrupt != nullptr) config_.external_interrupt->before_run(vcpu);
    }
    std::optional<ExitAction> handle_exit(Vcpu& vcpu, const GuestWorld& world) override;
    std::string registers(Vcpu& vcpu, RegisterDetail detail) override;

  private:
    const BootState* boot() const;
    uint32_t signature() const;
    CpuState cpu_state() const;
    ExitAction stop_for_good(Vcpu& vcpu, const GuestWorld& world, const Error& why);
    Status first_reset(Vcpu& vcpu);
    Status full_reset(Vcpu& vcpu);
    Status protected_reset(Vcpu& vcpu);
    Status load_boot_state(Vcpu& vcpu, const BootState& boot);

    const Config config_;
    bool fresh_ = true;  // as KVM_CREATE_VCPU made it
};

}  // namespace vmm::kvm
