// Actions: what certain events in the guest do, as -action and set-action say. Plain data.
#pragma once

#include "qapi/types_run_state.h"

namespace vmm {

struct Actions {
    qapi::RebootAction reboot = qapi::RebootAction::Reset;
    qapi::ShutdownAction shutdown = qapi::ShutdownAction::Poweroff;
    qapi::PanicAction panic = qapi::PanicAction::Shutdown;
    qapi::WatchdogAction watchdog = qapi::WatchdogAction::Reset;
};
// Those that are given.
inline void apply(Actions& actions, const qapi::ActionOptions& given) {
    actions.reboot = given.reboot.value_or(actions.reboot);
    actions.shutdown = given.shutdown.value_or(actions.shutdown);
    actions.panic = given.panic.value_or(actions.panic);
    actions.watchdog = given.watchdog.value_or(actions.watchdog);
}

}  // namespace vmm
