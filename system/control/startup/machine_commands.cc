// query-machines; see query_commands.h.
#include "hw/core/device_tree.h"
#include "hw/core/machine_config.h"
#include "hw/i386/q35_board.h"
#include "hw/i386/q35_versions.h"
#include "qapi/commands_machine_info.h"
#include "system/control/startup/cpu_list.h"
#include "system/control/startup/machine_list.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "target/i386/cpu/model.h"

namespace vmm {

namespace {

constexpr int64_t kMostCpus = 4096;

qapi::MachineInfo describe(const MachineKind& kind) {
    qapi::MachineInfo info{.name = kind.name,
                           .cpu_max = kind.bare ? 1 : kMostCpus,
                           .hotpluggable_cpus = !kind.bare,
                           .numa_mem_supported = false,
                           .deprecated = false};
    if (!kind.alias.empty()) info.alias = kind.alias;
    if (kind.is_default) info.is_default = true;
    if (kind.bare) return info;
    info.default_cpu_type = cpu_type_name("qemu64");
    info.default_ram_id = "pc.ram";
    return info;
}

}  // namespace

std::vector<MachineKind> machine_kinds() {
    std::vector<MachineKind> kinds;
    for (const Q35Version& version : kQ35Versions) {
        const bool newest = kinds.empty();
        kinds.push_back({.name = std::string(version.name),
                         .alias = newest ? std::string(kQ35Alias) : std::string(),
                         .is_default = newest});
    }
    kinds.push_back({.name = std::string(kNoMachine), .bare = true});
    return kinds;
}

void register_machine_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::SetNumaNodeCommand>(
        [&view](const qapi::NumaOptions& options) { return view.add_numa(options); });
    table.add<qapi::QueryMachinesCommand>([] {
        std::vector<qapi::MachineInfo> machines;
        for (const MachineKind& kind : machine_kinds())
            machines.push_back(describe(kind));
        return Result<std::vector<qapi::MachineInfo>>(std::move(machines));
    });
}

}  // namespace vmm
