// query-stats, query-stats-schemas, and info stats of the monitor for people: what the accelerator counts;
// see query_commands.h. Counters are read as they are asked for, nothing is kept here.
#include <algorithm>

#include "hw/i386/q35_board.h"
#include "qapi/commands_stats.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/cpu_list.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "util/text.h"

namespace vmm {

namespace {

using Names = std::optional<std::vector<std::string>>;

bool wanted(const Names& names, const std::string& name) {
    return !names || std::find(names->begin(), names->end(), name) != names->end();
}

qapi::StatsValue value_of(const Statistic& statistic) {
    if (statistic.values.size() != 1) return {.u = statistic.values};
    if (statistic.unit == Statistic::Unit::Boolean) return {.u = statistic.values[0] != 0};
    return {.u = statistic.values[0]};
}

// Nothing is added where nothing is left.
void add_result(std::vector<qapi::StatsResult>& out, const std::vector<Statistic>& all, const Names& names,
                std::optional<std::string> path) {
    qapi::StatsResult result{.provider = qapi::StatsProvider::Kvm, .qom_path = std::move(path)};
    for (const Statistic& one : all)
        if (wanted(names, one.name)) result.stats.push_back({.name = one.name, .value = value_of(one)});
    if (!result.stats.empty()) out.push_back(std::move(result));
}

Status add_processors(std::vector<qapi::StatsResult>& out, MachineView& view, const Names& names,
                      const qapi::StatsFilter& filter) {
    const Names& paths = std::get<qapi::StatsVCPUFilter>(filter.u).vcpus;
    for (const CpuEntry& cpu : list_cpus(view)) {
        if (cpu.qom_path.empty() || !wanted(paths, cpu.qom_path)) continue;
        add_result(out, TRY(view.board()->vcpus().statistics(VcpuId(cpu.index))), names, cpu.qom_path);
    }
    return {};
}

Result<std::vector<qapi::StatsResult>> query(MachineView& view, const qapi::StatsFilter& filter) {
    std::vector<qapi::StatsResult> out;
    if (view.board() == nullptr) return out;
    const std::vector<qapi::StatsRequest> requests =
        filter.providers.value_or(std::vector{qapi::StatsRequest{.provider = qapi::StatsProvider::Kvm}});
    for (const qapi::StatsRequest& request : requests) {
        if (request.names && request.names->empty()) continue;
        if (filter.target == qapi::StatsTarget::Vm)
            add_result(out, TRY(view.board()->vcpus().machine_statistics()), request.names, std::nullopt);
        else
            TRY(add_processors(out, view, request.names, filter));
    }
    return out;
}

qapi::StatsSchemaValue meaning_of(const Statistic& statistic) {
    static_assert(static_cast<int>(qapi::StatsType::Log2Histogram) ==
                  static_cast<int>(Statistic::Kind::Log2Histogram));
    static_assert(static_cast<int>(qapi::StatsUnit::Boolean) + 1 ==
                  static_cast<int>(Statistic::Unit::Boolean));
    qapi::StatsSchemaValue out{.name = statistic.name,
                               .type = static_cast<qapi::StatsType>(statistic.kind),
                               .exponent = statistic.exponent};
    if (statistic.unit != Statistic::Unit::None)
        out.unit = static_cast<qapi::StatsUnit>(static_cast<int>(statistic.unit) - 1);
    if (statistic.exponent != 0) out.base = static_cast<int8_t>(statistic.base);
    if (statistic.kind == Statistic::Kind::LinearHistogram) out.bucket_size = statistic.bucket_size;
    return out;
}

void add_schema(std::vector<qapi::StatsSchema>& out, qapi::StatsTarget target,
                const std::vector<Statistic>& all) {
    if (all.empty()) return;
    out.push_back({.provider = qapi::StatsProvider::Kvm, .target = target});
    for (const Statistic& one : all)
        out.back().stats.push_back(meaning_of(one));
}

Result<std::vector<qapi::StatsSchema>> query_schemas(MachineView& view) {
    std::vector<qapi::StatsSchema> out;
    if (view.board() == nullptr) return out;
    Vcpus& vcpus = view.board()->vcpus();
    const std::vector<VcpuId> present = vcpus.present();
    if (!present.empty()) add_schema(out, qapi::StatsTarget::Vcpu, TRY(vcpus.statistics(present.front())));
    add_schema(out, qapi::StatsTarget::Vm, TRY(vcpus.machine_statistics()));
    return out;
}

std::string unit_text(const Statistic& statistic) {
    static constexpr const char* kUnits[] = {"", " bytes", " seconds", " cycles", ""};
    std::string out;
    if (statistic.exponent != 0) out = strf(" * %u^%d", statistic.base, statistic.exponent);
    return out + kUnits[static_cast<size_t>(statistic.unit)];
}

std::string show(const Statistic& statistic) {
    std::string out = "  " + statistic.name + ":";
    for (uint64_t value : statistic.values)
        out += strf(" %llu", static_cast<unsigned long long>(value));
    return out + unit_text(statistic) + "\n";
}

// "vcpu [NAME,...]": of the monitor's processor, as info registers.
Result<std::string> info_stats(MachineView& view, const HmpLine& line) {
    const bool machine = line.word(0) == "vm";
    if (!machine && line.word(0) != "vcpu") return Error::make("info stats takes vm|vcpu [NAME,...]");
    if (view.board() == nullptr) return std::string();
    Vcpus& vcpus = view.board()->vcpus();
    const VcpuId cpu(static_cast<uint32_t>(line.cpu));
    if (!machine && !vcpus.has(cpu)) return Error::make("there is no processor %zu", line.cpu);
    Names names;
    const std::string list = line.word(1);
    if (!list.empty()) {
        names.emplace();
        for (std::string_view name : split(list, ','))
            names->emplace_back(name);
    }
    std::string out;
    for (const Statistic& one : TRY(machine ? vcpus.machine_statistics() : vcpus.statistics(cpu)))
        if (wanted(names, one.name)) out += show(one);
    return out.empty() ? std::string("nothing is counted") : "provider: kvm\n" + out;
}

}  // namespace

void register_stats_commands(qapi::CommandTable& table, HmpTable& human, MachineView& view) {
    table.add<qapi::QueryStatsCommand>(
        [&view](const qapi::StatsFilter& filter) { return query(view, filter); });
    table.add<qapi::QueryStatsSchemasCommand>(
        [&view](const qapi::QueryStatsSchemasArguments&) { return query_schemas(view); });
    human.add_info({"stats", "vm|vcpu [name,...]",
                    "what the host counts of the machine or of the monitor's processor",
                    [&view](const HmpLine& line) { return info_stats(view, line); }});
}

}  // namespace vmm
