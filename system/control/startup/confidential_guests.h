// What protects the guest: from the user's object to a ConfidentialGuest, and the end of its launch.
#pragma once

#include <memory>

#include "hw/i386/igvm_boot.h"
#include "qapi/types_qom.h"
#include "system/run/requests.h"
#include "system/run/run_control.h"
#include "target/i386/confidential/guest.h"
#include "util/event_loop.h"

namespace vmm {

class LaunchGuard;

// Of an object whose type protects guests. Reads what the object names; makes no call to the kernel. The
// loop, for what guests ask of services of the host, outlives the guest.
Result<std::unique_ptr<ConfidentialGuest>> make_confidential_guest(const qapi::ObjectOptions& object,
                                                                   EventLoop& loop);

// What the machine's IGVM file asks of the guest, before its VM is set up.
Status take_igvm(ConfidentialGuest& guest, const IgvmFile& file);

// Ends the launch before the guest runs for the first time.
class LaunchFinisher final : public RunListener {
  public:
    // Both outlive it.
    // The guard may be null.
    LaunchFinisher(ConfidentialGuest& guest, MachineRequests& requests, const LaunchGuard* guard)
        : guest_(guest), requests_(requests), guard_(guard) {}
    void run_changed(bool running, RunState state) override;
    // The VM is a new one, and its launch another.
    void start_over() { finished_ = false; }

  private:
    ConfidentialGuest& guest_;
    MachineRequests& requests_;
    const LaunchGuard* const guard_;
    bool finished_ = false;
};

}  // namespace vmm
