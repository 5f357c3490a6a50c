// The properties of a processor's object; see cpu_list.h.
#include "qapi/command_table.h"
#include "qapi/types_machine_info.h"
#include "system/control/startup/cpu_list.h"
#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/resolve.h"

namespace vmm {

namespace {

using Properties = std::vector<QomProperty>;

constexpr FeatureWord kNoWord = static_cast<FeatureWord>(kFeatureWordCount);

qapi::X86CPURegister32 register_of(CpuidRegister reg) {
    switch (reg) {
        case CpuidRegister::Eax:
            return qapi::X86CPURegister32::EAX;
        case CpuidRegister::Ebx:
            return qapi::X86CPURegister32::EBX;
        case CpuidRegister::Ecx:
            return qapi::X86CPURegister32::ECX;
        case CpuidRegister::Edx:
            break;
    }
    return qapi::X86CPURegister32::EDX;
}

// The words that are in CPUID; features in MSRs are not among them.
qapi::Value words_value(const FeatureWords& words) {
    std::vector<qapi::X86CPUFeatureWordInfo> out;
    for (FeatureWord word = FeatureWord::F1Edx; word != kNoWord;
         word = static_cast<FeatureWord>(static_cast<size_t>(word) + 1)) {
        const FeatureWordPlace& place = feature_word_place(word);
        if (place.msr != 0) continue;
        qapi::X86CPUFeatureWordInfo info{.cpuid_input_eax = place.function,
                                         .cpuid_register = register_of(place.reg),
                                         .features = words.low(word)};
        if (place.has_index) info.cpuid_input_ecx = place.index;
        out.push_back(info);
    }
    return qapi::to_value(out);
}

FeatureWords missing_words(const CpuidPolicy& policy) {
    FeatureWords words;
    for (const MissingFeature& missing : policy.missing)
        words.set(missing.at, true);
    return words;
}

bool is_on(const CpuidPolicy& policy, std::string_view name) {
    const std::vector<FeatureBit> bits = feature_bits(name);
    for (const FeatureBit& bit : bits)
        if (!policy.features.test(bit)) return false;
    return !bits.empty();
}

void add_places(Properties& out, const CpuEntry& cpu) {
    out.push_back(constant_property("apic-id", "uint32", cpu.apic_id));
    out.push_back(constant_property("node-id", "int32", cpu.node));
    out.push_back(constant_property("socket-id", "int32", cpu.place.socket));
    out.push_back(constant_property("die-id", "int32", cpu.place.die));
    out.push_back(constant_property("core-id", "int32", cpu.place.core));
    out.push_back(constant_property("thread-id", "int32", cpu.place.thread));
}

void add_identity(Properties& out, const CpuidPolicy& policy) {
    out.push_back(constant_property("vendor", "string", policy.vendor));
    out.push_back(constant_property("model-id", "string", policy.model_id));
    out.push_back(constant_property("family", "int", policy.family));
    out.push_back(constant_property("model", "int", policy.model));
    out.push_back(constant_property("stepping", "int", policy.stepping));
    out.push_back(constant_property("level", "uint32", policy.level));
    out.push_back(constant_property("xlevel", "uint32", policy.xlevel));
    out.push_back(constant_property("xlevel2", "uint32", policy.xlevel2));
    out.push_back(constant_property("phys-bits", "uint32", policy.phys_bits));
    out.push_back(constant_property("tsc-frequency", "int", policy.tsc_khz * 1000));
    out.push_back(constant_property("kvm", "bool", policy.kvm));
    out.push_back(constant_property("pmu", "bool", policy.pmu));
    out.push_back(constant_property("check", "bool", policy.check));
    if (policy.migratable) out.push_back(constant_property("migratable", "bool", *policy.migratable));
    out.push_back(constant_property("l3-cache", "bool", policy.l3_cache));
    out.push_back(constant_property("host-cache-info", "bool", policy.host_cache_info));
}

}  // namespace

std::vector<QomProperty> cpu_properties(const CpuEntry& cpu, const CpuidPolicy& policy) {
    Properties out{constant_property("realized", "bool", true),
                   constant_property("hotplugged", "bool", false),
                   constant_property("hotpluggable", "bool", false)};
    add_places(out, cpu);
    add_identity(out, policy);
    out.push_back({"feature-words", "X86CPUFeatureWordInfo",
                   [&policy] { return Result<qapi::Value>(words_value(policy.features)); }});
    out.push_back({"filtered-features", "X86CPUFeatureWordInfo",
                   [&policy] { return Result<qapi::Value>(words_value(missing_words(policy))); }});
    qapi::List unavailable;
    for (const std::string& name : unavailable_features(policy))
        unavailable.emplace_back(name);
    out.push_back(constant_property("unavailable-features", "strList", std::move(unavailable)));
    const auto add_feature = [&](std::string_view name) {
        out.push_back({std::string(name), "bool",
                       [&policy, name] { return Result<qapi::Value>(is_on(policy, name)); }});
    };
    for (std::string_view name : feature_names())
        add_feature(name);
    for (const FeatureAlias& alias : feature_aliases())
        add_feature(alias.alias);
    return out;
}

}  // namespace vmm
