// resolve(): model, then the user's changes, then what depends on what, then the host and the masks, then the
// numbers (levels, widths, extended state) that follow from the features left.
#include "target/i386/cpu/resolve.h"

#include <algorithm>
#include <bit>

#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/resolve_priv.h"
#include "util/text.h"

namespace vmm {
namespace {

constexpr const char* kHostLacks = "host doesn't support requested feature";

void set_named(FeatureWords& words, std::initializer_list<std::string_view> names, bool on) {
    for (std::string_view name : names)
        for (FeatureBit at : feature_bits(name))
            words.set(at, on);
}

// What KVM adds to and takes from every named model, whatever the table says.
void apply_kvm_defaults(FeatureWords& words) {
    set_named(words,
              {"kvmclock", "kvm-nopiodelay", "kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi",
               "kvmclock-stable-bit", "x2apic", "hypervisor"},
              true);
    set_named(words, {"acpi", "monitor", "svm"}, false);
}

std::string text_of(const CpuidEntry& leaf) {
    std::string text;
    for (uint32_t reg : {leaf.eax, leaf.ebx, leaf.ecx, leaf.edx})
        for (unsigned i = 0; i < 4; i++)
            text.push_back(static_cast<char>(reg >> 8 * i & 0xff));
    return text;
}

void take_host_identity(CpuidPolicy& policy, const HostCpu& host) {
    const uint32_t signature = host.native.reg(1, 0, CpuidRegister::Eax);
    const unsigned family = signature >> 8 & 0xf;
    policy.family = family == 0xf ? family + (signature >> 20 & 0xff) : family;
    policy.model = (signature >> 4 & 0xf) | (signature >> 12 & 0xf0);
    policy.stepping = signature & 0xf;
    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++)
        if (const CpuidEntry* entry = host.native.find(leaf)) policy.model_id += text_of(*entry);
    policy.model_id = policy.model_id.substr(0, policy.model_id.find('\0'));
    policy.level = host.supported.reg(0, 0, CpuidRegister::Eax);
    policy.xlevel = host.supported.reg(0x80000000, 0, CpuidRegister::Eax);
}

void take_host_features(Resolution& work) {
    const bool migratable = work.request.migratable.value_or(true);
    for (size_t i = 0; i < kFeatureWordCount; i++) {
        const FeatureWord word = static_cast<FeatureWord>(i);
        work.policy.features[word] =
            work.available[word] & (migratable ? migratable_bits(word) : ~uint64_t{0});
    }
    set_named(work.policy.features, {"ht", "kvm-hint-dedicated"}, false);
}

Status take_model(Resolution& work, const HostCpu& host) {
    const std::string& name = work.request.model;
    CpuidPolicy& policy = work.policy;
    policy.vendor = host_vendor(host);
    work.intel_caches = plain_intel_caches();
    work.amd_caches = plain_amd_caches();
    if (name == "host" && host.anything)
        return Error::make("-cpu host: there is no host processor without KVM").with_hint("use -cpu max");
    if (name == "host" || name == "max") {
        policy.name = name;
        work.host_model = true;
        policy.migratable = work.request.migratable.value_or(true);
        take_host_identity(policy, host);
        take_host_features(work);
        return {};
    }
    if (name == "base") {
        policy.name = name;
        return {};
    }
    if (work.request.migratable.has_value())
        return Error::make("CPU property 'migratable' belongs to 'host' and 'max', not to '%s'",
                           name.c_str());
    const CpuModelRow* row = find_cpu_model(name);
    if (row == nullptr) return unknown_cpu_model(name);
    const CpuModel model = expand_cpu_model(*row);
    policy.name = model.name;
    policy.model_id = model.model_id;
    policy.family = model.family;
    policy.model = model.model;
    policy.stepping = model.stepping;
    policy.level = model.level;
    policy.xlevel = model.xlevel;
    policy.features = model.features;
    if (!host.anything) apply_kvm_defaults(policy.features);
    work.own_caches = model.caches;
    return {};
}

void apply_request(Resolution& work) {
    const CpuRequest& request = work.request;
    CpuidPolicy& policy = work.policy;
    if (request.family) policy.family = *request.family;
    if (request.model_number) policy.model = *request.model_number;
    if (request.stepping) policy.stepping = *request.stepping;
    if (request.vendor) policy.vendor = *request.vendor;
    if (request.model_id) policy.model_id = *request.model_id;
    policy.pmu = request.pmu.value_or(work.host_model);
    policy.check = request.check;
    policy.kvm = request.kvm;
    policy.cpuid_0xb = request.cpuid_0xb;
    policy.l3_cache = request.l3_cache;
    policy.host_cache_info = request.host_cache_info;
    for (const FeatureSetting& setting : request.features)
        for (FeatureBit at : feature_bits(setting.name)) {
            policy.features.set(at, setting.on);
            work.user_chose.set(at, true);
        }
    if (!policy.kvm) {
        policy.features[FeatureWord::K1Eax] = 0;
        policy.features[FeatureWord::K1Edx] = 0;
    }
}

Status choose_caches(Resolution& work) {
    const bool plain = work.request.legacy_cache.value_or(work.own_caches == nullptr);
    if (!plain && work.own_caches == nullptr)
        return Error::make("CPU model '%s' has no caches of its own: legacy-cache=off cannot be used",
                           work.policy.name.c_str());
    work.policy.intel_caches = plain ? work.intel_caches : *work.own_caches;
    work.policy.amd_caches = plain ? work.amd_caches : *work.own_caches;
    return {};
}

// Keeps the bits of `allowed`; each of the others is reported with the reason.
void keep_only(Resolution& work, FeatureWord word, uint64_t allowed, const std::string& reason) {
    uint64_t lost = work.policy.features[word] & ~allowed;
    work.policy.features[word] &= allowed;
    for (; lost != 0; lost &= lost - 1)
        work.policy.missing.push_back({{word, static_cast<uint8_t>(std::countr_zero(lost))}, reason});
}

void filter_by_host(Resolution& work) {
    for (size_t i = 0; i < kFeatureWordCount; i++) {
        const FeatureWord word = static_cast<FeatureWord>(i);
        keep_only(work, word, work.available[word], kHostLacks);
    }
}

void apply_masks(Resolution& work, std::span<const CpuidMask> masks) {
    for (const CpuidMask& mask : masks) {
        keep_only(work, mask.word, ~mask.clear, mask.reason);
        work.policy.features[mask.word] |= mask.set;
    }
}

Status refuse_missing(const CpuidPolicy& policy) {
    if (policy.missing.empty()) return {};
    const std::vector<std::string> names = unavailable_features(policy);
    return Error::make("CPU '%s' with 'enforce': this host cannot give %s (%s)", policy.name.c_str(),
                       join(names, ", ").c_str(), policy.missing.front().reason.c_str());
}

}  // namespace

std::string host_vendor(const HostCpu& host) {
    const CpuidSet& set = host.native.empty() ? host.supported : host.native;
    const CpuidEntry* leaf = set.find(0);
    if (leaf == nullptr) return std::string(kVendorIntel);
    return text_of({.eax = leaf->ebx, .ebx = leaf->edx, .ecx = leaf->ecx}).substr(0, 12);
}

Error unknown_cpu_model(const std::string& name) {
    std::vector<CpuModelHelp> help = cpu_model_help();
    std::vector<std::string_view> names;
    for (const CpuModelHelp& line : help)
        names.push_back(line.name);
    const std::string near(nearest(name, names));
    if (near.empty()) return Error::make("CPU model '%s' is not known (-cpu help lists all)", name.c_str());
    return Error::make("CPU model '%s' is not known; did you mean '%s'?", name.c_str(), near.c_str());
}

Result<CpuidPolicy> resolve(const CpuRequest& request, const HostCpu& host,
                            std::span<const CpuidMask> masks) {
    Resolution work{.request = request, .available = host_features(host)};
    TRY(take_model(work, host));
    apply_request(work);
    TRY(choose_caches(work));
    filter_by_host(work);
    apply_masks(work, masks);
    drop_dependents(work);
    if (request.enforce) TRY(refuse_missing(work.policy));
    TRY(choose_widths(work, host));
    choose_xsave(work, host);
    choose_levels(work);
    choose_tsc(work);
    take_host_leaves(work, host);
    return std::move(work.policy);
}

std::vector<std::string> missing_feature_lines(const CpuidPolicy& policy) {
    std::vector<std::string> lines;
    for (const MissingFeature& missing : policy.missing)
        lines.push_back(strf("CPU '%s': %s: %s", policy.name.c_str(), missing.reason.c_str(),
                             feature_text(missing.at).c_str()));
    return lines;
}

std::vector<std::string> unavailable_features(const CpuidPolicy& policy) {
    std::vector<std::string> names;
    for (const MissingFeature& missing : policy.missing) {
        std::string name(feature_name(missing.at));
        if (name.empty()) name = feature_text(missing.at);
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return names;
}

}  // namespace vmm
