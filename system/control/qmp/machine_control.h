// MachineControl: what the monitor's commands may do with the whole machine. Start-up implements it; tests
// have a fake one. Main thread.
#pragma once

#include "system/control/actions.h"
#include "system/run/run_state.h"
#include "util/result.h"

namespace vmm {

class MachineControl {
  public:
    virtual ~MachineControl() = default;
    virtual RunState state() const = 0;
    virtual Actions& actions() = 0;

    virtual Status start() = 0;
    virtual void stop() = 0;
    // The reset button and the power switch; done soon, on the main loop.
    virtual void reset() = 0;
    virtual void quit() = 0;
    virtual Status press_power_button() = 0;
    virtual Status wake_up() = 0;
    virtual bool can_wake_up() const = 0;
    virtual Status inject_nmi() = 0;
    // -preconfig: makes the machine.
    virtual Status leave_preconfig() = 0;
};

}  // namespace vmm
