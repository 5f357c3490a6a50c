// Commands about processors; see query_commands.h.
#include <algorithm>

#include "hw/i386/q35_board.h"
#include "qapi/commands_machine_info.h"
#include "system/control/startup/cpu_list.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "target/i386/cpu/model.h"

namespace vmm {

namespace {

qapi::CpuInstanceProperties place_of(const CpuEntry& cpu, bool numa) {
    qapi::CpuInstanceProperties place{.socket_id = cpu.place.socket,
                                      .die_id = cpu.place.die,
                                      .core_id = cpu.place.core,
                                      .thread_id = cpu.place.thread};
    if (numa) place.node_id = cpu.node;
    return place;
}

std::vector<qapi::CpuInfoFast> list_running(MachineView& view) {
    const bool numa = !view.configuration().machine.memory.nodes.empty();
    std::map<unsigned, int> threads = cpu_threads(view);
    std::vector<qapi::CpuInfoFast> out;
    for (const CpuEntry& cpu : list_cpus(view)) {
        if (cpu.qom_path.empty()) continue;
        out.push_back({.cpu_index = cpu.index,
                       .qom_path = cpu.qom_path,
                       .thread_id = threads[cpu.index],
                       .props = place_of(cpu, numa),
                       .target = qapi::SysEmuTarget::X8664});
    }
    return out;
}

Result<std::vector<qapi::HotpluggableCPU>> list_places(MachineView& view) {
    if (view.board() == nullptr) return Error::make("this machine has no places for processors");
    const bool numa = !view.configuration().machine.memory.nodes.empty();
    std::vector<qapi::HotpluggableCPU> out;
    for (const CpuEntry& cpu : list_cpus(view)) {
        qapi::HotpluggableCPU place{
            .type = machine_cpu_type(view), .vcpus_count = 1, .props = place_of(cpu, numa)};
        if (!cpu.qom_path.empty()) place.qom_path = cpu.qom_path;
        out.push_back(std::move(place));
    }
    std::reverse(out.begin(), out.end());
    return out;
}

qapi::CpuDefinitionInfo define(std::string name, bool same_everywhere) {
    std::string type = cpu_type_name(name);
    return {.name = std::move(name),
            .migration_safe = same_everywhere,
            .static_ = false,
            .typename_ = std::move(type),
            .deprecated = false};
}

std::vector<qapi::CpuDefinitionInfo> list_definitions() {
    std::vector<qapi::CpuDefinitionInfo> out;
    for (std::string_view name : kModelsWithoutRow)
        out.push_back(define(std::string(name), false));
    for (const CpuModelRow* row : cpu_model_rows()) {
        out.push_back(define(std::string(row->name), true));
        std::string plain(unversioned_name(row->name));
        const bool first = plain != row->name && find_cpu_model(plain) == row;
        for (const std::string& alias : {first ? plain : std::string(), std::string(row->alias)}) {
            if (alias.empty()) continue;
            out.push_back(define(alias, true));
            out.back().alias_of = std::string(row->name);
        }
    }
    return out;
}

}  // namespace

void register_cpu_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryCpusFastCommand>(
        [&view] { return Result<std::vector<qapi::CpuInfoFast>>(list_running(view)); });
    table.add<qapi::QueryHotpluggableCpusCommand>([&view] { return list_places(view); });
    table.add<qapi::QueryCpuDefinitionsCommand>([&view] {
        std::vector<qapi::CpuDefinitionInfo> out = list_definitions();
        for (qapi::CpuDefinitionInfo& one : out)
            one.unavailable_features = unavailable_features_of(view, one.name);
        return Result<std::vector<qapi::CpuDefinitionInfo>>(std::move(out));
    });
}

}  // namespace vmm
