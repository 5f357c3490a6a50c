// -launch-plan and -expect-measurement: the launch of the command line's guest on a model of the kernel, and
// what it would measure, as JSON (docs/confidential/launch-plan.md); and a door to the real kernel that looks
// on, and does not let a launch end whose measurement is not the expected one.
#pragma once

#include <memory>
#include <string>

#include "accel/model/kernel_model.h"
#include "accel/model/launch_record.h"
#include "accel/model/witness.h"
#include "system/control/configuration.h"
#include "system/control/startup/accelerator_host.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/confidential/model/sev_model.h"
#include "target/i386/confidential/tdx/mrtd.h"

namespace vmm {

// The model that a plan runs on, with every technology.
class LaunchPlanner {
  public:
    explicit LaunchPlanner(tdx::MrtdOrder order);
    IoctlDoor& door() { return kernel_; }
    model::LaunchRecord& record() { return record_; }
    // After the launch was finished.
    qapi::Value describe(const Configuration& configuration, const ConfidentialGuest& guest) const;
    // Writes it where the command line says.
    Status write(const Configuration& configuration, const ConfidentialGuest& guest) const;

  private:
    model::SevFirmware firmware_;
    model::LaunchRecord record_;
    mutable model::KernelModel kernel_;
};

// The kernel, watched.
class LaunchGuard {
  public:
    // The kernel behind it is borrowed.
    LaunchGuard(IoctlDoor& kernel, std::vector<uint8_t> expected);
    IoctlDoor& door() { return witness_; }
    // In place of the error by which a launch was stopped here: what was measured. Others pass.
    Error explain(Error error) const;

  private:
    model::SevFirmware firmware_;
    model::KernelModel kernel_;
    model::Witness witness_;
};

// How the accelerator is opened: KVM, a model of it for -launch-plan, or KVM watched for -expect-measurement.
class LaunchHost {
  public:
    // The kernel's door outlives it.
    explicit LaunchHost(const HostKernel& kernel) : kernel_(kernel) {}
    // guest may be null.
    Result<std::unique_ptr<AcceleratorHost>> open_accelerator(const Configuration& configuration,
                                                              ConfidentialGuest* guest,
                                                              const VmRequirements& needs);
    LaunchPlanner* planner() { return planner_.get(); }
    LaunchGuard* guard() { return guard_.get(); }
    Error explain(Error error) const {
        return guard_ == nullptr ? std::move(error) : guard_->explain(std::move(error));
    }

  private:
    const HostKernel kernel_;
    std::unique_ptr<LaunchPlanner> planner_;
    std::unique_ptr<LaunchGuard> guard_;
};

}  // namespace vmm
