// Commands about migration, which is not there: what only asks is answered, what would begin one is refused;
// see commands.h.
#include <memory>

#include "qapi/commands_migration.h"
#include "system/control/qmp/commands.h"

namespace vmm {

namespace {

constexpr const char* kReason = "there is no migration in this version, the guest stays here";

}  // namespace

void register_migration_commands(qapi::CommandTable& table, MigrationBlocker blocker) {
    auto reasons = [blocker = std::move(blocker)] {
        std::vector<std::string> all{kReason};
        if (std::optional<std::string> own = blocker()) all.push_back(std::move(*own));
        return all;
    };
    // What was set; nobody reads it but who asks.
    auto events = std::make_shared<bool>(false);
    table.add<qapi::QueryMigrateCapabilitiesCommand>([events] {
        return Result<std::vector<qapi::MigrationCapabilityStatus>>(
            {qapi::MigrationCapabilityStatus{qapi::MigrationCapability::Events, *events}});
    });
    table.add<qapi::MigrateSetCapabilitiesCommand>(
        [events](const qapi::MigrateSetCapabilitiesArguments& given) -> Status {
            for (const qapi::MigrationCapabilityStatus& one : given.capabilities)
                *events = one.state;
            return {};
        });
    table.add<qapi::QueryMigrateCommand>(
        [reasons] { return Result<qapi::MigrationInfo>(qapi::MigrationInfo{.blocked_reasons = reasons()}); });
    table.add<qapi::MigrateCommand>([reasons](const qapi::MigrateArguments&) -> Status {
        // The guest's own reason would be one in any version.
        return Error::make("%s", reasons().back().c_str());
    });
    table.add<qapi::MigrateCancelCommand>([]() -> Status { return {}; });
    table.add<qapi::MigratePauseCommand>(
        []() -> Status { return Error::make("there is no migration that could be interrupted"); });
}

}  // namespace vmm
