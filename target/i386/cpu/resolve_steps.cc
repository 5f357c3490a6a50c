// The later steps of resolve(): dependencies, address widths, extended state, levels, leaves passed on.
#include <algorithm>
#include <string_view>

#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/resolve_priv.h"
#include "util/text.h"

namespace vmm {
namespace {

// Features (names, or all of a word) that mean nothing without another.
struct Dependency {
    FeatureBit ground;
    std::string_view names;
    std::optional<FeatureWord> word = std::nullopt;
};

constexpr Dependency kDependencies[] = {
    {feature::kXsave, "avx mpx xsaveopt xsavec xgetbv1 xsaves xfd amx-tile"},
    {feature::kAvx, "avx2 f16c fma fma4 xop vaes vpclmulqdq avx-vnni avx512f"},
    {feature::kAvx2, "avx-ifma avx-vnni-int8 avx-ne-convert avx-vnni-int16"},
    {feature::kAvx512f,
     "avx512dq avx512ifma avx512pf avx512er avx512cd avx512bw avx512vl avx512vbmi avx512vbmi2 avx512vnni "
     "avx512bitalg avx512-vpopcntdq avx512-4vnniw avx512-4fmaps avx512-vp2intersect avx512-bf16 avx512-fp16"},
    {feature::kAmxTile, "amx-bf16 amx-int8 amx-fp16 amx-complex"},
    {feature::kXsaves, "arch-lbr"},
    {feature::kArchCapabilities, "", FeatureWord::ArchCapabilities},
    {feature::kCoreCapability, "", FeatureWord::CoreCapability},
    {feature::kPdcm, "", FeatureWord::PerfCapabilities},
    {feature::kSvm, "", FeatureWord::XAEdx},
};

void drop(Resolution& work, FeatureBit at, const char* reason) {
    if (!work.policy.features.test(at)) return;
    work.policy.features.set(at, false);
    if (work.user_chose.test(at)) work.policy.missing.push_back({at, reason});
}

void drop_word(Resolution& work, FeatureWord word, const char* reason) {
    for (uint8_t bit = 0; bit < 64; bit++)
        drop(work, {word, bit}, reason);
}

struct XsaveRow {
    unsigned component;
    FeatureBit needs;
    bool supervisor;
};
constexpr XsaveRow kXsaveRows[] = {
    {0, feature::kXsave, false},    {1, feature::kXsave, false},    {2, feature::kAvx, false},
    {3, feature::kMpx, false},      {4, feature::kMpx, false},      {5, feature::kAvx512f, false},
    {6, feature::kAvx512f, false},  {7, feature::kAvx512f, false},  {9, feature::kPku, false},
    {11, feature::kShstk, true},    {12, feature::kShstk, true},    {15, feature::kArchLbr, true},
    {17, feature::kAmxTile, false}, {18, feature::kAmxTile, false},
};

void raise(uint32_t& level, bool needed, uint32_t to) {
    if (needed) level = std::max(level, to);
}

}  // namespace

void drop_dependents(Resolution& work) {
    for (const Dependency& row : kDependencies) {
        if (work.policy.features.test(row.ground)) continue;
        const std::string reason = strf("needs '%s'", std::string(feature_name(row.ground)).c_str());
        if (row.word) drop_word(work, *row.word, reason.c_str());
        if (row.names.empty()) continue;
        for (std::string_view name : split(row.names, ' '))
            for (FeatureBit at : feature_bits(name))
                drop(work, at, reason.c_str());
    }
    if (work.policy.pmu) return;
    for (std::string_view name : {"pdcm", "perfctr-core", "perfmon-v2"})
        for (FeatureBit at : feature_bits(name))
            drop(work, at, "needs 'pmu'");
    drop_word(work, FeatureWord::PerfCapabilities, "needs 'pmu'");
}

Status choose_widths(Resolution& work, const HostCpu& host) {
    const CpuRequest& request = work.request;
    CpuidPolicy& policy = work.policy;
    const unsigned asked = request.phys_bits.value_or(0);
    const bool use_host = request.host_phys_bits.value_or(work.host_model && asked == 0);
    if (!policy.features.test(feature::kLm)) {
        if (asked != 0) return Error::make("CPU property 'phys-bits' needs a 64-bit CPU model ('lm')");
        policy.phys_bits = policy.features.test(feature::kPse36) ? 36 : 32;
        return {};
    }
    constexpr unsigned kDefault = 40;
    const uint32_t native = host.native.reg(0x80000008, 0, CpuidRegister::Eax) & 0xff;
    if (use_host && native != 0) {
        const unsigned limit = request.host_phys_bits_limit.value_or(0);
        policy.phys_bits = limit != 0 ? std::min(native, limit) : native;
        return {};
    }
    policy.phys_bits = asked != 0 ? asked : kDefault;
    if (policy.phys_bits < 32 || policy.phys_bits > 52)
        return Error::make("CPU property 'phys-bits' is between 32 and 52, not %u", policy.phys_bits);
    return {};
}

void choose_xsave(Resolution& work, const HostCpu& host) {
    CpuidPolicy& policy = work.policy;
    if (!policy.features.test(feature::kXsave)) return;
    const uint64_t host_xcr0 = host.supported.reg(0xd, 0, CpuidRegister::Eax) |
                               uint64_t{host.supported.reg(0xd, 0, CpuidRegister::Edx)} << 32;
    const uint64_t host_xss = host.supported.reg(0xd, 1, CpuidRegister::Ecx) |
                              uint64_t{host.supported.reg(0xd, 1, CpuidRegister::Edx)} << 32;
    for (const XsaveRow& row : kXsaveRows) {
        const uint64_t mask = uint64_t{1} << row.component;
        const bool shadow_stack_or_ibt = row.component == 11 && policy.features.test(feature::kIbt);
        if (!policy.features.test(row.needs) && !shadow_stack_or_ibt) continue;
        if (row.supervisor && !policy.features.test(feature::kXsaves)) continue;
        if (((row.supervisor ? host_xss : host_xcr0) & mask) == 0) continue;
        (row.supervisor ? policy.xss : policy.xcr0) |= mask;
        if (row.component < 2) continue;  // the legacy area has no sub-leaf
        if (const CpuidEntry* leaf = host.supported.find(0xd, row.component))
            policy.xsave[row.component] = {.size = leaf->eax, .offset = leaf->ebx, .flags = leaf->ecx};
    }
}

void choose_levels(Resolution& work) {
    CpuidPolicy& policy = work.policy;
    const CpuRequest& request = work.request;
    // Also what was asked for in vain: the leaf is there, without the bit.
    FeatureWords words = policy.features;
    for (const MissingFeature& missing : policy.missing)
        words.set(missing.at, true);
    policy.level = std::max(policy.level, request.min_level.value_or(0));
    policy.xlevel = std::max(policy.xlevel, request.min_xlevel.value_or(0));
    policy.xlevel2 = request.min_xlevel2.value_or(0);
    if (request.auto_level) {
        raise(policy.level, words[FeatureWord::F1Edx] != 0 || words[FeatureWord::F1Ecx] != 0, 1);
        raise(policy.level, words[FeatureWord::F6Eax] != 0, 6);
        for (FeatureWord word : {FeatureWord::F7Ebx, FeatureWord::F7Ecx, FeatureWord::F7Edx,
                                 FeatureWord::F7s1Eax, FeatureWord::F7s1Edx, FeatureWord::F7s2Edx})
            raise(policy.level, words[word] != 0, 7);
        raise(policy.level, policy.xcr0 != 0 || words[FeatureWord::FDs1Eax] != 0, 0xd);
        raise(policy.level, words.test(feature::kAmxTile), 0x1e);
        raise(policy.xlevel, (words[FeatureWord::X1Edx] | words[FeatureWord::X1Ecx]) != 0, 0x80000001);
        raise(policy.xlevel, words[FeatureWord::X7Edx] != 0, 0x80000007);
        raise(policy.xlevel, words[FeatureWord::X8Ebx] != 0, 0x80000008);
        raise(policy.xlevel, words.test(feature::kSvm) || words[FeatureWord::XAEdx] != 0, 0x8000000a);
        raise(policy.xlevel, words.test(feature::kTopoext), 0x8000001e);
        raise(policy.xlevel, words[FeatureWord::X21Eax] != 0, 0x80000021);
        raise(policy.xlevel, words[FeatureWord::X22Eax] != 0, 0x80000022);
        raise(policy.xlevel2, words[FeatureWord::C1Edx] != 0, 0xc0000001);
    }
    if (request.level) policy.level = *request.level;
    if (request.xlevel) policy.xlevel = *request.xlevel;
    if (request.xlevel2) policy.xlevel2 = *request.xlevel2;
    policy.warnings = request.warnings;
}

void choose_tsc(Resolution& work) {
    CpuidPolicy& policy = work.policy;
    policy.tsc_khz = work.request.tsc_frequency.value_or(0) / 1000;
    policy.show_tsc_khz = policy.kvm && work.request.vmware_cpuid_freq &&
                          (policy.tsc_khz != 0 || policy.features.test(feature::kInvtsc));
}

void take_host_leaves(Resolution& work, const HostCpu& host) {
    CpuidPolicy& policy = work.policy;
    const auto take = [&](const CpuidSet& from, uint32_t function) {
        for (const CpuidEntry& entry : from.entries())
            if (entry.function == function) policy.host_leaves.push_back(entry);
    };
    if (policy.pmu) {
        take(host.supported, 0xa);
        take(host.supported, 0x80000022);
    }
    if (policy.features.test(feature::kMonitor)) take(host.native, 5);
    if (policy.features.test(feature::kAmxTile)) {
        take(host.supported, 0x1d);
        take(host.supported, 0x1e);
    }
    if (!policy.host_cache_info) return;
    for (uint32_t function : {0x2u, 0x4u, 0x80000005u, 0x80000006u, 0x8000001du})
        take(host.native, function);
}

}  // namespace vmm
