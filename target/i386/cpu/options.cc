// -cpu text to CpuRequest: one table of properties, everything else is a feature name.
#include "target/i386/cpu/options.h"

#include <algorithm>
#include <iterator>

#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/model.h"
#include "util/text.h"

namespace vmm {
namespace {

using Setter = Status (*)(CpuRequest&, const std::string& name, const std::string& value);

Result<bool> parse_bool(const std::string& name, const std::string& value) {
    for (const char* yes : {"on", "yes", "true", "y"})
        if (value == yes) return true;
    for (const char* no : {"off", "no", "false", "n"})
        if (value == no) return false;
    return Error::make("CPU property '%s' is 'on' or 'off', not '%s'", name.c_str(), value.c_str());
}

Result<uint64_t> parse_number(const std::string& name, const std::string& value, uint64_t max) {
    const std::optional<uint64_t> number = parse_u64(value);
    if (!number) return Error::make("CPU property '%s' is a number, not '%s'", name.c_str(), value.c_str());
    if (*number > max)
        return Error::make("CPU property '%s' is at most %llu, not %s", name.c_str(),
                           static_cast<unsigned long long>(max), value.c_str());
    return *number;
}

// Hz, with the decimal suffixes that frequencies are written with (2.5G is not taken: whole numbers only).
Result<uint64_t> parse_frequency(const std::string& name, std::string value) {
    uint64_t scale = 1;
    if (!value.empty()) {
        const std::string_view suffixes = "KMGT";
        const size_t at = suffixes.find(value.back());
        if (at != std::string_view::npos) {
            for (size_t i = 0; i <= at; i++)
                scale *= 1000;
            value.pop_back();
        }
    }
    constexpr uint64_t kMaxHz = 1'000'000'000'000;
    return TRY(parse_number(name, value, kMaxHz / scale)) * scale;
}

template <auto field>
Status set_bool(CpuRequest& request, const std::string& name, const std::string& value) {
    request.*field = TRY(parse_bool(name, value));
    return {};
}

template <auto field, uint64_t max>
Status set_number(CpuRequest& request, const std::string& name, const std::string& value) {
    using Number = typename std::remove_reference_t<decltype(request.*field)>::value_type;
    request.*field = static_cast<Number>(TRY(parse_number(name, value, max)));
    return {};
}

Status set_vendor(CpuRequest& request, const std::string&, const std::string& value) {
    if (value.size() != 12)
        return Error::make("CPU property 'vendor' has 12 characters ('%s' has %zu)", value.c_str(),
                           value.size());
    request.vendor = value;
    return {};
}

Status set_model_id(CpuRequest& request, const std::string&, const std::string& value) {
    if (value.size() > 48)
        return Error::make("CPU property 'model-id' has at most 48 characters ('%s' has %zu)", value.c_str(),
                           value.size());
    request.model_id = value;
    return {};
}

Status set_tsc_frequency(CpuRequest& request, const std::string& name, const std::string& value) {
    request.tsc_frequency = TRY(parse_frequency(name, value));
    return {};
}

struct PropertyRow {
    std::string_view name;
    bool is_bool;
    Setter set;
};

constexpr uint64_t kU32 = 0xffffffff;
constexpr PropertyRow kProperties[] = {
    {"check", true, set_bool<&CpuRequest::check>},
    {"enforce", true, set_bool<&CpuRequest::enforce>},
    {"migratable", true, set_bool<&CpuRequest::migratable>},
    {"kvm", true, set_bool<&CpuRequest::kvm>},
    {"pmu", true, set_bool<&CpuRequest::pmu>},
    {"l3-cache", true, set_bool<&CpuRequest::l3_cache>},
    {"legacy-cache", true, set_bool<&CpuRequest::legacy_cache>},
    {"host-cache-info", true, set_bool<&CpuRequest::host_cache_info>},
    {"host-phys-bits", true, set_bool<&CpuRequest::host_phys_bits>},
    {"cpuid-0xb", true, set_bool<&CpuRequest::cpuid_0xb>},
    {"vmware-cpuid-freq", true, set_bool<&CpuRequest::vmware_cpuid_freq>},
    {"full-cpuid-auto-level", true, set_bool<&CpuRequest::auto_level>},
    {"family", false, set_number<&CpuRequest::family, 0xff + 0xf>},
    {"model", false, set_number<&CpuRequest::model_number, 0xff>},
    {"stepping", false, set_number<&CpuRequest::stepping, 0xf>},
    {"vendor", false, set_vendor},
    {"model-id", false, set_model_id},
    {"level", false, set_number<&CpuRequest::level, kU32>},
    {"min-level", false, set_number<&CpuRequest::min_level, kU32>},
    {"xlevel", false, set_number<&CpuRequest::xlevel, kU32>},
    {"min-xlevel", false, set_number<&CpuRequest::min_xlevel, kU32>},
    {"xlevel2", false, set_number<&CpuRequest::xlevel2, kU32>},
    {"min-xlevel2", false, set_number<&CpuRequest::min_xlevel2, kU32>},
    {"apic-id", false, set_number<&CpuRequest::apic_id, kU32>},
    {"phys-bits", false, set_number<&CpuRequest::phys_bits, kU32>},
    {"host-phys-bits-limit", false, set_number<&CpuRequest::host_phys_bits_limit, 64>},
    {"tsc-frequency", false, set_tsc_frequency},
};

// Known to users, not offered; asking for them off is no error.
struct RefusedRow {
    std::string_view prefix;
    const char* reason;
};
constexpr RefusedRow kRefused[] = {
    {"hv-", "Hyper-V enlightenments are not offered"},
    {"vmx-", "the controls of nested VMX follow the host and cannot be chosen one by one"},
    {"sgx", "SGX needs enclave memory, which this machine does not have"},
    {"intel-pt", "processor trace is not offered to guests"},
    {"lmce", "local machine checks are not offered"},
    {"lbr-fmt", "last branch records are not offered"},
    {"kvm-pv-enforce-cpuid", "KVM's paravirtual features are not enforced"},
};

const PropertyRow* find_property(std::string_view name) {
    for (const PropertyRow& row : kProperties)
        if (row.name == name) return &row;
    return nullptr;
}

Error unknown(const std::string& name) {
    std::vector<std::string_view> names = feature_names();
    for (const PropertyRow& row : kProperties)
        names.push_back(row.name);
    const std::string near(nearest(name, names));
    if (near.empty())
        return Error::make("CPU property '%s' is not known (-cpu help lists the features)", name.c_str());
    return Error::make("CPU property '%s' is not known; did you mean '%s'?", name.c_str(), near.c_str());
}

Status set_feature(CpuRequest& request, const std::string& name, const std::string& value) {
    for (const RefusedRow& row : kRefused) {
        if (!name.starts_with(row.prefix)) continue;
        if (value == "off") return {};
        return Error::make("CPU property '%s': %s", name.c_str(), row.reason);
    }
    if (feature_bits(name).empty()) return unknown(name);
    request.features.push_back({name, TRY(parse_bool(name, value))});
    return {};
}

std::string spelled(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

// "-x" or "+x" before "x=on": which of them holds is not what everybody expects.
void note_mixture(CpuRequest& request, const std::string& name, std::string_view part,
                  const std::vector<std::string>& plus, const std::vector<std::string>& minus) {
    for (const auto& [sign, names] : {std::pair('-', &minus), std::pair('+', &plus)})
        if (std::find(names->begin(), names->end(), name) != names->end())
            request.warnings.push_back(strf("Ambiguous CPU model string. Don't mix both \"%c%s\" and \"%s\"",
                                            sign, name.c_str(), std::string(part).c_str()));
}

// One comma-separated part; +x and -x are kept for later.
Status apply_part(CpuRequest& request, std::string_view part, std::vector<std::string>& plus,
                  std::vector<std::string>& minus) {
    if (part.empty()) return Error::make("an empty part in the CPU option (',,' or a trailing ',')");
    if (part.front() == '+' || part.front() == '-') {
        (part.front() == '+' ? plus : minus).push_back(spelled(part.substr(1)));
        return {};
    }
    const size_t equals = part.find('=');
    const std::string name = spelled(part.substr(0, equals));
    note_mixture(request, name, part, plus, minus);
    if (equals != std::string_view::npos) return set_cpu_property(request, name, part.substr(equals + 1));
    const PropertyRow* row = find_property(name);
    if (row != nullptr && !row->is_bool) return Error::make("CPU property '%s' needs a value", name.c_str());
    return set_cpu_property(request, name, "on");
}

}  // namespace

Status set_cpu_property(CpuRequest& request, std::string_view name, std::string_view value) {
    const std::string key = spelled(name);
    const PropertyRow* row = find_property(key);
    return row != nullptr ? row->set(request, key, std::string(value))
                          : set_feature(request, key, std::string(value));
}

Result<CpuRequest> parse_cpu_option(std::string_view text) {
    const std::vector<std::string_view> parts = split(text, ',');
    CpuRequest request;
    request.model = parts.front();
    if (request.model.empty())
        return Error::make("-cpu needs a model name ('%s')", std::string(text).c_str());
    std::vector<std::string> plus, minus;
    for (size_t i = 1; i < parts.size(); i++)
        TRY(apply_part(request, parts[i], plus, minus));
    for (const std::string& name : plus)
        TRY(set_feature(request, name, "on"));
    for (const std::string& name : minus)
        TRY(set_feature(request, name, "off"));
    return request;
}

std::vector<std::string_view> cpu_property_names() {
    std::vector<std::string_view> names;
    for (const PropertyRow& row : kProperties)
        names.push_back(row.name);
    return names;
}

}  // namespace vmm
