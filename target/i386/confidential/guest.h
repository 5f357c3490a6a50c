// ConfidentialGuest: the object behind -machine confidential-guest-support=, seen by the board, by the
// accelerator's x86 side and by start-up. It answers what it needs; the VM, the memory and the CPUs are made
// accordingly. Then it is called in this order, all on the main thread:
//     take_igvm()      only with an IGVM file, which is there instead of firmware: no prepare() then
//     start()          the VM descriptor exists, and nothing in it
//     shape_cpu(), cpuid_masks(), check_cpuid()   the processors are being decided
//     before_vcpus()   memory and interrupt chips are there
//     add_vcpu()       per vCPU, after its CPUID was set
//     launch()         all vCPUs are in their reset state: everything that is measured
//     finish()         before the guest runs for the first time; after it the host may not look
// A VM that is made anew for a reset starts over with start(). handle_exit() is called on vCPU threads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/kvm/vcpu_arch.h"
#include "target/i386/confidential/igvm/plan.h"
#include "target/i386/confidential/launch_progress.h"
#include "target/i386/confidential/launch_scene.h"
#include "target/i386/confidential/measured_page.h"
#include "target/i386/confidential/requirements.h"
#include "target/i386/cpu/policy.h"
#include "util/result.h"

namespace vmm {

namespace model {
class LaunchRecord;
}
namespace qapi {
class Dict;
}

class ConfidentialGuest {
  public:
    explicit ConfidentialGuest(std::string id) : id_(std::move(id)) {}
    ConfidentialGuest(const ConfidentialGuest&) = delete;
    ConfidentialGuest& operator=(const ConfidentialGuest&) = delete;
    virtual ~ConfidentialGuest() = default;

    // The user's id, and the object's type as -object names it.
    const std::string& id() const { return id_; }
    virtual std::string_view type() const = 0;
    virtual const Requirements& requirements() const = 0;

    // Reads the files the object names, and judges the firmware: before a VM exists.
    virtual Status prepare(std::span<const LaunchImage> /*firmware*/, bool /*has_kernel*/) { return {}; }
    // Which platform of an IGVM file this guest is; and what the file asks for besides its pages, before
    // start().
    virtual igvm::PlatformType igvm_platform() const { return igvm::PlatformType::Native; }
    virtual Status take_igvm(const igvm::Terms&) { return {}; }
    virtual Status start(kvm::Vm&) { return {}; }
    // The processors as they were asked for, before anything is decided about them.
    virtual Status shape_cpu(CpuRequest&) { return {}; }
    // What the processors lose and gain by being protected, with reasons for messages.
    virtual std::vector<CpuidMask> cpuid_masks(const HostCpu&) const { return {}; }
    virtual Status check_cpuid(CpuidPolicy&, const HostCpu&) { return {}; }
    // The leaves of the first vCPU.
    virtual Status before_vcpus(kvm::Vm&, std::span<const CpuidEntry>) { return {}; }
    virtual Status add_vcpu(kvm::Vcpu&) { return {}; }
    // Where application processors begin, when the firmware says so: measured with their registers.
    virtual std::optional<uint32_t> ap_reset_address() const { return std::nullopt; }

    virtual Status launch(LaunchScene&) { return {}; }
    virtual Status finish() { return {}; }
    // Adds these pages, in this order; for IGVM files, which say themselves what is measured.
    virtual Status measure(LaunchScene&, std::span<const MeasuredPages>) {
        return Error::make("%s '%s' cannot be given pages", std::string(type()).c_str(), id_.c_str());
    }

    // Exits that only this technology has; empty: not known here either.
    virtual std::optional<kvm::ExitAction> handle_exit(kvm::Vcpu&, const GuestWorld&) { return std::nullopt; }

    // What else a launch plan says of the launch that was just made.
    virtual void describe_launch(qapi::Dict&) const {}

    // Where contents get their names from in launch plans; null: nobody wants to know.
    void set_record(model::LaunchRecord* record) { record_ = record; }

    // How far the launch has come: the accelerator and start-up say where it is, the guest what it is given.
    LaunchProgress& progress() { return progress_; }

  protected:
    model::LaunchRecord* record() const { return record_; }

  private:
    const std::string id_;
    model::LaunchRecord* record_ = nullptr;
    LaunchProgress progress_;
};

// The VM descriptor exists: the launch begins.
inline Status start_launch(ConfidentialGuest& guest, kvm::Vm& vm) {
    TRY(guest.start(vm));
    guest.progress().enter(LaunchState::Started);
    return {};
}

}  // namespace vmm
