// The names and the table of legal changes.
#include "system/run/run_state.h"

#include <array>
#include <utility>

namespace vmm {

namespace {

constexpr std::array kNames = {
    std::pair{RunState::Prelaunch, "prelaunch"},
    std::pair{RunState::Running, "running"},
    std::pair{RunState::Paused, "paused"},
    std::pair{RunState::Suspended, "suspended"},
    std::pair{RunState::Shutdown, "shutdown"},
    std::pair{RunState::GuestPanicked, "guest-panicked"},
    std::pair{RunState::InternalError, "internal-error"},
    std::pair{RunState::IoError, "io-error"},
    std::pair{RunState::Watchdog, "watchdog"},
    std::pair{RunState::Debug, "debug"},
};

// A running machine may stop for any reason. A stopped one goes on, or, from the states a reset must leave,
// becomes paused or prelaunch first; a reset that fails ends in internal-error from anywhere.
constexpr std::array kMoves = {
    std::pair{RunState::Prelaunch, RunState::Running},
    std::pair{RunState::Prelaunch, RunState::Paused},
    std::pair{RunState::Prelaunch, RunState::Shutdown},
    std::pair{RunState::Prelaunch, RunState::InternalError},
    std::pair{RunState::Running, RunState::Paused},
    std::pair{RunState::Running, RunState::Suspended},
    std::pair{RunState::Running, RunState::Shutdown},
    std::pair{RunState::Running, RunState::GuestPanicked},
    std::pair{RunState::Running, RunState::InternalError},
    std::pair{RunState::Running, RunState::IoError},
    std::pair{RunState::Running, RunState::Watchdog},
    std::pair{RunState::Running, RunState::Debug},
    std::pair{RunState::Paused, RunState::Running},
    std::pair{RunState::Paused, RunState::Prelaunch},
    std::pair{RunState::Paused, RunState::InternalError},
    std::pair{RunState::Paused, RunState::Shutdown},
    std::pair{RunState::Suspended, RunState::Running},
    std::pair{RunState::Suspended, RunState::Paused},
    std::pair{RunState::Suspended, RunState::Prelaunch},
    std::pair{RunState::Suspended, RunState::InternalError},
    std::pair{RunState::Suspended, RunState::Shutdown},
    std::pair{RunState::Shutdown, RunState::Paused},
    std::pair{RunState::Shutdown, RunState::Prelaunch},
    std::pair{RunState::Shutdown, RunState::InternalError},
    std::pair{RunState::GuestPanicked, RunState::Paused},
    std::pair{RunState::GuestPanicked, RunState::Prelaunch},
    std::pair{RunState::GuestPanicked, RunState::Running},
    std::pair{RunState::GuestPanicked, RunState::InternalError},
    std::pair{RunState::InternalError, RunState::Paused},
    std::pair{RunState::InternalError, RunState::Prelaunch},
    std::pair{RunState::IoError, RunState::Running},
    std::pair{RunState::IoError, RunState::Paused},
    std::pair{RunState::IoError, RunState::Prelaunch},
    std::pair{RunState::IoError, RunState::InternalError},
    std::pair{RunState::Watchdog, RunState::Running},
    std::pair{RunState::Watchdog, RunState::Paused},
    std::pair{RunState::Watchdog, RunState::Prelaunch},
    std::pair{RunState::Watchdog, RunState::InternalError},
    std::pair{RunState::Debug, RunState::Running},
    std::pair{RunState::Debug, RunState::Paused},
    std::pair{RunState::Debug, RunState::Prelaunch},
    std::pair{RunState::Debug, RunState::InternalError},
};

}  // namespace

std::string_view run_state_name(RunState state) {
    for (const auto& [known, name] : kNames)
        if (known == state) return name;
    return {};
}

std::optional<RunState> run_state_from_name(std::string_view name) {
    for (const auto& [state, known] : kNames)
        if (name == known) return state;
    return std::nullopt;
}

bool run_state_may_change(RunState from, RunState to) {
    if (from == to) return true;
    for (const auto& move : kMoves)
        if (move.first == from && move.second == to) return true;
    return false;
}

bool run_state_needs_reset(RunState state) {
    return state == RunState::Shutdown || state == RunState::InternalError;
}

}  // namespace vmm
