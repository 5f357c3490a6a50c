// TdModel: what the model of the kernel does for TDX VMs: the order of commands and the errors of each as
// Linux 6.16 gives them, which pages were added, and MRTD as the TDX module would compute it from what was
// submitted. Launch plans and tests run on it. See accel/model/protection_model.h.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "accel/model/page_set.h"
#include "accel/model/protection_model.h"
#include "linux-headers/tdx_abi.h"
#include "target/i386/confidential/tdx/mrtd.h"

namespace vmm::model {
class LaunchRecord;
}

namespace vmm::tdx {

class TdModel final : public model::ProtectionModel {
  public:
    // What the host's TDX module is like. Plain data, set before use.
    struct Host {
        uint64_t attributes = 0;  // filled in by the constructor, as are the next
        uint64_t xfam = 0;
        uint64_t user_r11 = abi::kTdVmCallHasGetQuote | abi::kTdVmCallHasSetupEventNotify;
        uint64_t kernel_r11 = 0;
        std::vector<kvm_cpuid_entry2> configurable;
        unsigned max_vcpus = 256;
        bool five_levels = true;  // of the extended page tables: guests may have 52 address bits
        // Takes what a real host has already taken, to follow its launch: any CPUID, any attribute.
        bool believes_all = false;
        uint64_t pages_per_call = 0;  // INIT_MEM_REGION stops after as many, as for a signal; 0: never
        // Two passes: all pages of a call are added, then measured.
        MrtdOrder order = MrtdOrder::Interleaved;
    };
    static Host usual_host();
    static Host any_host();

    // Both outlive it; the record may be null.
    TdModel(model::KernelModel& kernel, model::LaunchRecord* record, Host host = usual_host());

    int vm_command(abi::EncryptCommand& command) override;
    int vcpu_command(model::ModelVcpu& vcpu, abi::EncryptCommand& command) override;
    int check_enable_cap(const kvm_enable_cap& cap) override;
    int check_create_vcpu(uint32_t id) override;
    int check_run() override;
    std::vector<model::Measurement> measurements() const override;
    std::vector<uint8_t> copy_argument(const abi::EncryptCommand& command) const override;
    bool ends_launch(const abi::EncryptCommand& command) const override {
        return command.id == abi::kTdxFinalizeVm;
    }

    const abi::TdxInitVm& parameters() const { return parameters_; }
    const std::vector<kvm_cpuid_entry2>& configured() const { return configured_; }
    const model::PageSet& pages() const { return pages_; }
    uint64_t hob_of_vcpu(uint32_t id) const;

  private:
    enum class State : uint8_t { Uninitialized, Initialized, Runnable };
    int capabilities(abi::EncryptCommand& command);
    int init_vm(abi::EncryptCommand& command);
    int check_parameters(const abi::TdxInitVm& asked) const;
    int check_cpuid(const abi::TdxInitVm& asked) const;
    int init_vcpu(model::ModelVcpu& vcpu, const abi::EncryptCommand& command);
    int init_mem_region(const model::ModelVcpu& vcpu, abi::EncryptCommand& command);
    void add_pages(const abi::TdxInitMemRegion& region, bool measure);
    int get_cpuid(const model::ModelVcpu& vcpu, abi::EncryptCommand& command);
    int finalize(const abi::EncryptCommand& command);

    model::KernelModel& kernel_;
    model::LaunchRecord* const record_;
    const Host host_;
    State state_ = State::Uninitialized;
    abi::TdxInitVm parameters_{};
    std::vector<kvm_cpuid_entry2> configured_;
    std::map<uint32_t, uint64_t> vcpus_;  // initialized ones, with their RCX
    model::PageSet pages_;
    Mrtd mrtd_;
};

}  // namespace vmm::tdx
