// query-cpu-model-expansion, and which features of a model this host lacks; see query_commands.h.
#include "qapi/commands_cpu_model.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/options.h"
#include "target/i386/cpu/resolve.h"
#include "util/text.h"

namespace vmm {

namespace {

// A property's value as -cpu spells it.
Result<std::string> spell(const std::string& name, const qapi::Value& value) {
    if (const bool* flag = value.if_bool()) return std::string(*flag ? "on" : "off");
    if (const std::string* text = value.if_string()) return *text;
    if (const std::optional<int64_t> number = value.as_i64()) return std::to_string(*number);
    if (const std::optional<uint64_t> number = value.as_u64()) return std::to_string(*number);
    return Error::make("Parameter 'model.props.%s' expects a boolean, a number or a string", name.c_str());
}

Result<CpuRequest> request_of(const qapi::CpuModelInfo& model) {
    CpuRequest request;
    request.model = model.name;
    request.check = false;
    if (!model.props) return request;
    const qapi::Dict* props = model.props->if_dict();
    if (props == nullptr) return Error::make("Parameter 'model.props' expects an object");
    for (const qapi::Dict::Entry& entry : *props) {
        Status set = set_cpu_property(request, entry.key, TRY(spell(entry.key, entry.value)));
        if (!set)
            return std::move(set).take_error().while_doing("Parameter 'model.props.%s'", entry.key.c_str());
    }
    return request;
}

bool is_on(const CpuidPolicy& policy, std::string_view name) {
    const std::vector<FeatureBit> bits = feature_bits(name);
    for (const FeatureBit& bit : bits)
        if (!policy.features.test(bit)) return false;
    return !bits.empty();
}

qapi::Dict properties_of(const CpuidPolicy& policy, bool full) {
    qapi::Dict props;
    for (std::string_view name : feature_names())
        props.set(std::string(name), is_on(policy, name));
    props.set("vendor", policy.vendor);
    props.set("model-id", policy.model_id);
    props.set("family", policy.family);
    props.set("model", policy.model);
    props.set("stepping", policy.stepping);
    props.set("min-level", policy.level);
    props.set("min-xlevel", policy.xlevel);
    if (!full) return props;
    for (const FeatureAlias& alias : feature_aliases())
        props.set(std::string(alias.alias), is_on(policy, alias.alias));
    props.set("level", policy.level);
    props.set("xlevel", policy.xlevel);
    props.set("xlevel2", policy.xlevel2);
    props.set("phys-bits", policy.phys_bits);
    props.set("tsc-frequency", policy.tsc_khz * 1000);
    props.set("kvm", policy.kvm);
    props.set("pmu", policy.pmu);
    props.set("l3-cache", policy.l3_cache);
    props.set("host-cache-info", policy.host_cache_info);
    return props;
}

Result<qapi::CpuModelExpansionInfo> expand(MachineView& view,
                                           const qapi::QueryCpuModelExpansionArguments& asked) {
    const CpuRequest request = TRY(request_of(asked.model));
    const HostCpu* host = TRY(view.host_cpu());
    const CpuidPolicy policy = TRY(resolve(request, *host));
    const bool full = asked.type == qapi::CpuModelExpansionType::Full;
    qapi::CpuModelExpansionInfo info;
    info.model.name = full ? asked.model.name : "base";
    info.model.props = properties_of(policy, full);
    return info;
}

}  // namespace

std::optional<std::vector<std::string>> unavailable_features_of(MachineView& view, const std::string& model) {
    Result<const HostCpu*> host = view.host_cpu();
    if (!host) return std::nullopt;
    CpuRequest request;
    request.model = model;
    request.check = false;
    Result<CpuidPolicy> policy = resolve(request, **host);
    if (!policy) return std::nullopt;
    return unavailable_features(*policy);
}

void register_cpu_model_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryCpuModelExpansionCommand>(
        [&view](const qapi::QueryCpuModelExpansionArguments& asked) { return expand(view, asked); });
}

}  // namespace vmm
