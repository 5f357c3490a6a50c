// RunState: what the machine is doing, with QMP's names, and which changes are legal. Who moves it: only
// run_control.h, on the main thread. Pure tables.
#pragma once

#include <optional>
#include <string_view>

namespace vmm {

enum class RunState {
    Prelaunch,  // made, never run (-S, or not yet started)
    Running,
    Paused,
    Suspended,      // the guest sleeps in ACPI S3
    Shutdown,       // the guest is off, the process stays (-no-shutdown)
    GuestPanicked,  // the guest reported its death
    InternalError,  // the host could not go on
    IoError,
    Watchdog,
    Debug,
};

// The name in QMP ("internal-error").
std::string_view run_state_name(RunState state);
std::optional<RunState> run_state_from_name(std::string_view name);
// Whether the machine may go from one state to the other. A state may always be entered again.
bool run_state_may_change(RunState from, RunState to);
// States that only a reset or the end of the process leaves; `cont` is refused in them.
bool run_state_needs_reset(RunState state);

}  // namespace vmm
