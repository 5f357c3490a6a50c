// Commands that start, stop, reset and end the machine; see commands.h.
#include "qapi/commands_control.h"
#include "qapi/commands_run_state.h"
#include "system/control/qmp/commands.h"
#include "system/control/qmp/machine_control.h"

namespace vmm {

namespace {

qapi::StatusInfo status_of(const MachineControl& machine) {
    // Both enumerations are in the order of the schema.
    static_assert(static_cast<int>(qapi::RunState::Debug) == static_cast<int>(RunState::Debug));
    const RunState state = machine.state();
    return {.running = state == RunState::Running,
            .singlestep = false,
            .status = static_cast<qapi::RunState>(state)};
}

}  // namespace

void register_run_commands(qapi::CommandTable& table, MachineControl& machine) {
    table.add<qapi::QueryStatusCommand>([&] { return Result<qapi::StatusInfo>(status_of(machine)); });
    table.add<qapi::StopCommand>([&]() -> Status {
        machine.stop();
        return {};
    });
    table.add<qapi::ContCommand>([&] { return machine.start(); });
    table.add<qapi::SystemResetCommand>([&]() -> Status {
        machine.reset();
        return {};
    });
    table.add<qapi::SystemPowerdownCommand>([&] { return machine.press_power_button(); });
    table.add<qapi::SystemWakeupCommand>([&] { return machine.wake_up(); });
    table.add<qapi::QueryCurrentMachineCommand>([&] {
        return Result<qapi::CurrentMachineParams>(qapi::CurrentMachineParams{machine.can_wake_up()});
    });
    table.add<qapi::InjectNmiCommand>([&] { return machine.inject_nmi(); });
    table.add<qapi::XExitPreconfigCommand>([&] { return machine.leave_preconfig(); });
    table.add<qapi::SetActionCommand>([&](const qapi::ActionOptions& given) -> Status {
        apply(machine.actions(), given);
        return {};
    });
    table.add<qapi::WatchdogSetActionCommand>([&](const qapi::WatchdogSetActionArguments& given) -> Status {
        machine.actions().watchdog = given.action;
        return {};
    });
    table.add<qapi::QuitCommand>([&]() -> Status {
        machine.quit();
        return {};
    });
}

}  // namespace vmm
