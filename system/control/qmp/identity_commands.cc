// Commands that tell who the guest is; see commands.h.
#include "qapi/commands_misc.h"
#include "system/control/qmp/commands.h"

namespace vmm {

void register_identity_commands(qapi::CommandTable& table, const GuestIdentity& identity) {
    qapi::NameInfo name;
    if (!identity.name.empty()) name.name = identity.name;
    table.add<qapi::QueryNameCommand>([name] { return Result<qapi::NameInfo>(name); });
    const std::string uuid = identity.uuid.value_or(Uuid()).text();
    table.add<qapi::QueryUuidCommand>(
        [uuid] { return Result<qapi::UuidInfo>(qapi::UuidInfo{.UUID = uuid}); });
    table.add<qapi::QueryKvmCommand>([kvm = identity.kvm] {
        return Result<qapi::KvmInfo>(qapi::KvmInfo{.enabled = kvm(), .present = true});
    });
    table.add<qapi::QueryTargetCommand>(
        [] { return Result<qapi::TargetInfo>(qapi::TargetInfo{qapi::SysEmuTarget::X8664}); });
}

}  // namespace vmm
