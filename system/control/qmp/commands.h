// The registration of this folder's commands, by what they need. Called once, at start.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "qapi/command_table.h"
#include "util/fd_store.h"
#include "util/uuid.h"

namespace vmm {

class MachineControl;

// qmp_capabilities, query-version, query-commands, query-qmp-schema.
void register_control_commands(qapi::CommandTable& table);

// query-status, stop, cont, system_*, quit and the actions.
void register_run_commands(qapi::CommandTable& table, MachineControl& machine);

// getfd, closefd, add-fd and their kin.
void register_fd_commands(qapi::CommandTable& table, FdStore& store);

// trace-event-get-state, trace-event-set-state.
void register_trace_commands(qapi::CommandTable& table);

// migrate and its kin.
using MigrationBlocker = std::function<std::optional<std::string>()>;
void register_migration_commands(qapi::CommandTable& table, MigrationBlocker blocker);

// Facts about the guest that do not change.
struct GuestIdentity {
    std::string name;  // empty: none
    std::optional<Uuid> uuid;
    std::function<bool()> kvm;  // whether KVM runs it
};
void register_identity_commands(qapi::CommandTable& table, const GuestIdentity& identity);

}  // namespace vmm
