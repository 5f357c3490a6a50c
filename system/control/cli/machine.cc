// -machine, -accel, -cpu, -smp, -m, -rtc, and their merging into one MachineOptions.
#include "qapi/convert.h"
#include "qapi/types_cpu_model.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/typed_option.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/options.h"
#include "target/i386/cpu/resolve.h"
#include "util/size_text.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

// Machine properties may be written with underscores, and one by its old name, as QEMU's users do.
qapi::Dict with_dashes(const qapi::Dict& dict) {
    qapi::Dict out;
    for (const qapi::Dict::Entry& entry : dict) {
        std::string key = entry.key;
        for (char& c : key)
            if (c == '_') c = '-';
        if (key == "memory-encryption") key = "confidential-guest-support";
        out.set(key, entry.value);
    }
    return out;
}

void merge(qapi::Dict& into, const qapi::Dict& from) {
    for (const qapi::Dict::Entry& entry : from) {
        qapi::Value* present = into.find(entry.key);
        const qapi::Dict* inner = entry.value.if_dict();
        if (present != nullptr && present->if_dict() != nullptr && inner != nullptr)
            merge(*present->if_dict(), *inner);
        else
            into.set(entry.key, entry.value);
    }
}

bool is_help(const std::string& value) {
    return value == "help" || value == "?";
}

// {"name": "host", "props": {"pmu": false}}, as query-cpu-model-expansion has it.
Result<std::string> cpu_from_json(const std::string& value) {
    const qapi::Keyval parsed = TRY(parse_option<qapi::CpuModelInfo>(value, {}));
    std::string text = *parsed.dict.find("name")->if_string();
    const qapi::Value* props = parsed.dict.find("props");
    if (props == nullptr) return text;
    if (props->if_dict() == nullptr) return Error::make("Parameter 'props' expects an object");
    for (const qapi::Dict::Entry& prop : *props->if_dict()) {
        const std::string* spelled = prop.value.if_string();
        if (spelled == nullptr || (prop.key + *spelled).find(',') != std::string::npos)
            return Error::make("Parameter '%s' expects a boolean, a number or a string without commas",
                               prop.key.c_str());
        text += "," + prop.key + "=" + *spelled;
    }
    return text;
}

Result<std::string> size_in_bytes(const std::string& key, const std::string& text, uint64_t unit) {
    auto bytes = parse_size(text, unit);
    if (!bytes)
        return Error::make("Parameter '%s' expects a size such as %s or 2G, not %s", key.c_str(),
                           unit > 1 ? "512 (MiB)" : "512M", qapi::brief(qapi::Value(text)).c_str());
    return std::to_string(*bytes);
}

}  // namespace

Status set_machine(Builder& builder, const qapi::Dict& options) {
    qapi::Dict merged = builder.machine_dict;
    merge(merged, options);
    builder.machine = TRY(qapi::from_keyval<qapi::MachineOptions>(merged));
    builder.machine_dict = std::move(merged);
    return {};
}

Status take_machine(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(parse_option<qapi::MachineOptions>(value, {.implied_key = "type"}));
    if (parsed.help) {
        builder.print(machine_help());
        return {};
    }
    return set_machine(builder, with_dashes(parsed.dict));
}

Status take_accel(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(parse_option<qapi::AccelOptions>(value, {.implied_key = "accel"}));
    if (parsed.help) {
        builder.print(accel_help());
        return {};
    }
    builder.accels.push_back(TRY(qapi::from_keyval<qapi::AccelOptions>(with_dashes(parsed.dict))));
    return {};
}

Status take_enable_kvm(Builder& builder, const std::string&) {
    if (!builder.accels.empty()) return take_accel(builder, "kvm");
    builder.machine.accel = "kvm";
    return {};
}

Status take_cpu(Builder& builder, const std::string& value) {
    if (is_help(value)) {
        builder.print(cpu_help_text());
        return {};
    }
    const std::string text = value.starts_with('{') ? TRY(cpu_from_json(value)) : value;
    CpuRequest request = TRY(parse_cpu_option(text));
    if (!is_cpu_model(request.model)) return unknown_cpu_model(request.model);
    builder.cpu = text;
    return {};
}

Status take_smp(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(parse_option<qapi::SmpConfiguration>(value, {.implied_key = "cpus"}));
    if (parsed.help) {
        builder.print("-smp options:\n" + members_help(qapi::kSmpConfigurationInfo.members));
        return {};
    }
    TRY(qapi::from_keyval<qapi::SmpConfiguration>(parsed.dict));
    return set_machine(builder, qapi::Dict{{"smp", parsed.dict}});
}

// The size's unit is MiB; maxmem is what -machine calls memory.max-size. JSON is that very type, in bytes.
Status take_memory(Builder& builder, const std::string& value) {
    using Sizes = qapi::MemorySizeConfiguration;
    qapi::Keyval parsed = TRY(parse_option<Sizes>(value, {.implied_key = "size"}));
    if (value.starts_with('{')) return set_machine(builder, qapi::Dict{{"memory", parsed.dict}});
    if (parsed.help) {
        builder.print("-m [size=]SIZE[,slots=0][,maxmem=SIZE]\n");
        return {};
    }
    qapi::Dict memory;
    for (const qapi::Dict::Entry& entry : parsed.dict) {
        const std::string* text = entry.value.if_string();
        bool bytes = entry.key == "size" || entry.key == "maxmem";
        if (text == nullptr || (!bytes && entry.key != "slots"))
            return Error::make("Parameter '%s' is unexpected", entry.key.c_str())
                .with_hint("known: size, slots, maxmem");
        std::string given = *text;
        if (bytes) given = TRY(size_in_bytes(entry.key, given, entry.key == "size" ? 1u << 20 : 1));
        memory.set(entry.key == "maxmem" ? "max-size" : entry.key, given);
    }
    TRY(qapi::from_keyval<Sizes>(memory));
    return set_machine(builder, qapi::Dict{{"memory", memory}});
}

namespace {

// "2026-01-31" or "2026-01-31T12:00:00", in UTC.
std::optional<int64_t> parse_date(const std::string& text) {
    tm parts = {};
    for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"}) {
        parts = {};
        const char* end = strptime(text.c_str(), format, &parts);
        if (end != nullptr && *end == 0) return timegm(&parts);
    }
    return {};
}

}  // namespace

Status take_rtc(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(parse_option<qapi::RtcOptions>(value, {}));
    if (parsed.help) {
        builder.print("-rtc options:\n" + members_help(qapi::kRtcOptionsInfo.members));
        return {};
    }
    auto options = TRY(qapi::from_keyval<qapi::RtcOptions>(parsed.dict));
    const qapi::RtcClock clock = options.clock.value_or(qapi::RtcClock::Host);
    if (clock == qapi::RtcClock::Rt) return Error::make("Parameter 'clock' can only be 'host' or 'vm'");
    RtcConfig& rtc = builder.line.configuration.machine.rtc;
    std::string base = options.base.value_or("utc");
    rtc = {};
    rtc.slew = options.driftfix == qapi::RtcDriftFix::Slew;
    if (clock == qapi::RtcClock::Vm) rtc.clock = RtcClockChoice::Virtual;
    if (base == "utc") {
        rtc.base = RtcBase::Utc;
    } else if (base == "localtime") {
        rtc.base = RtcBase::LocalTime;
    } else if (auto seconds = parse_date(base)) {
        rtc.base = RtcBase::Fixed;
        rtc.fixed_seconds = *seconds;
    } else {
        return Error::make(
            "Parameter 'base' expects utc, localtime or a date such as 2026-01-31T12:00:00, not '%s'",
            base.c_str());
    }
    return {};
}

}  // namespace vmm::cli
