// tdx-guest: a guest that Intel TDX protects (KVM_X86_TDX_VM, Linux 6.16 and later). Puts the firmware's
// sections and a description of memory into the TD, measures what the firmware says is to be measured, and
// serves the calls that the TD makes of its VMM: quotes, events, its death. Spec: Intel TDX module ABI, GHCI
// 1.5, TDVF Design Guide. Missing: migration, dumps and debuggers (the host cannot read a TD; a TD with
// debug=on can be read by the module's own tools only), IGVM files, named CPU models. Thread: main;
// handle_exit() on vCPU threads. Lock: the place of the event interrupt (Leaf).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "target/i386/confidential/guest.h"
#include "target/i386/confidential/tdx/commands.h"
#include "target/i386/confidential/tdx/quote_service.h"
#include "target/i386/confidential/tdx/rtmr.h"
#include "target/i386/confidential/tdx/td_params.h"
#include "target/i386/confidential/tdx/tdvf.h"

namespace vmm::tdx {

class TdxGuest final : public ConfidentialGuest {
  public:
    struct Config {
        TdConfig td;
        QuoteService::Config quotes;
    };
    // Judges the properties. The loop outlives the guest.
    static Result<std::unique_ptr<TdxGuest>> create(Config config, EventLoop& loop);
    // The pieces, unchecked: use create().
    TdxGuest(Config config, const TdIdentity& identity, EventLoop& loop);

    std::string_view type() const override { return "tdx-guest"; }
    const Requirements& requirements() const override { return requirements_; }

    Status prepare(std::span<const LaunchImage> firmware, bool has_kernel) override;
    igvm::PlatformType igvm_platform() const override { return igvm::PlatformType::Tdx; }
    Status take_igvm(const igvm::Terms&) override {
        return Error::make("%s: TDX guests cannot start from IGVM files", id().c_str())
            .with_hint("give -bios");
    }
    Status start(kvm::Vm& vm) override;
    Status shape_cpu(CpuRequest& request) override;
    std::vector<CpuidMask> cpuid_masks(const HostCpu& host) const override;
    Status check_cpuid(CpuidPolicy& policy, const HostCpu& host) override;
    Status before_vcpus(kvm::Vm& vm, std::span<const CpuidEntry> cpuid) override;
    Status add_vcpu(kvm::Vcpu& vcpu) override;
    Status launch(LaunchScene& scene) override;
    std::optional<kvm::ExitAction> handle_exit(kvm::Vcpu& vcpu, const GuestWorld& world) override;
    void describe_launch(qapi::Dict& out) const override;

    const TdxCaps& capabilities() const { return caps_; }

  private:
    struct EventInterrupt {
        uint32_t apic_id = 0;
        uint8_t vector = 0;  // 0: none
    };
    // vmcall.cc
    void serve_call(kvm::Vcpu& vcpu, const GuestWorld& world, abi::TdxExit& call);
    uint64_t tell_calls(abi::TdxExit& call) const;
    uint64_t set_event_interrupt(uint32_t apic_id, uint64_t vector);
    void raise_event_interrupt();

    const Config config_;
    const TdIdentity identity_;
    Requirements requirements_;
    kvm::Vm* vm_ = nullptr;
    TdxCaps caps_;
    std::optional<Tdvf> firmware_;
    TdProcessor processor_;
    TdChoice choice_;
    uint64_t tsc_khz_ = 0;
    unsigned address_width_ = 48;
    bool check_ = true, enforce_ = false;
    std::vector<FeatureBit> named_;  // features that -cpu asks for by name
    std::vector<CpuidEntry> wanted_cpuid_;
    std::vector<uint8_t> hob_;                         // as it was launched
    std::vector<Sha384Digest> configuration_volumes_;  // digests, for RTMR0
    std::vector<MeasuredTable> tables_;                // the same
    std::optional<Sha384Digest> kernel_digest_;        // Authenticode, for RTMR1
    Mutex mutex_{LockRank::Leaf, "TD event interrupt"};
    EventInterrupt event_interrupt_ GUARDED_BY(mutex_);
    QuoteService quotes_;
};

}  // namespace vmm::tdx
