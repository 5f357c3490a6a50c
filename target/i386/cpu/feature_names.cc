// The feature name tables: eight bits a row, lowest first, "-" where a bit has no name.
#include "target/i386/cpu/feature_names.h"

#include <algorithm>
#include <iterator>

#include "util/check.h"
#include "util/text.h"

namespace vmm {
namespace {

constexpr FeatureWordPlace kPlaces[] = {
    {FeatureWord::F1Edx, 0x1, false, 0, CpuidRegister::Edx, 0, "CPUID.01H:EDX"},
    {FeatureWord::F1Ecx, 0x1, false, 0, CpuidRegister::Ecx, 0, "CPUID.01H:ECX"},
    {FeatureWord::F6Eax, 0x6, false, 0, CpuidRegister::Eax, 0, "CPUID.06H:EAX"},
    {FeatureWord::F7Ebx, 0x7, true, 0, CpuidRegister::Ebx, 0, "CPUID.07H:EBX"},
    {FeatureWord::F7Ecx, 0x7, true, 0, CpuidRegister::Ecx, 0, "CPUID.07H:ECX"},
    {FeatureWord::F7Edx, 0x7, true, 0, CpuidRegister::Edx, 0, "CPUID.07H:EDX"},
    {FeatureWord::F7s1Eax, 0x7, true, 1, CpuidRegister::Eax, 0, "CPUID.07H.1:EAX"},
    {FeatureWord::F7s1Edx, 0x7, true, 1, CpuidRegister::Edx, 0, "CPUID.07H.1:EDX"},
    {FeatureWord::F7s2Edx, 0x7, true, 2, CpuidRegister::Edx, 0, "CPUID.07H.2:EDX"},
    {FeatureWord::FDs1Eax, 0xd, true, 1, CpuidRegister::Eax, 0, "CPUID.0DH.1:EAX"},
    {FeatureWord::X1Edx, 0x80000001, false, 0, CpuidRegister::Edx, 0, "CPUID.80000001H:EDX"},
    {FeatureWord::X1Ecx, 0x80000001, false, 0, CpuidRegister::Ecx, 0, "CPUID.80000001H:ECX"},
    {FeatureWord::X7Edx, 0x80000007, false, 0, CpuidRegister::Edx, 0, "CPUID.80000007H:EDX"},
    {FeatureWord::X8Ebx, 0x80000008, false, 0, CpuidRegister::Ebx, 0, "CPUID.80000008H:EBX"},
    {FeatureWord::XAEdx, 0x8000000a, false, 0, CpuidRegister::Edx, 0, "CPUID.8000000AH:EDX"},
    {FeatureWord::X21Eax, 0x80000021, false, 0, CpuidRegister::Eax, 0, "CPUID.80000021H:EAX"},
    {FeatureWord::X22Eax, 0x80000022, false, 0, CpuidRegister::Eax, 0, "CPUID.80000022H:EAX"},
    {FeatureWord::C1Edx, 0xc0000001, false, 0, CpuidRegister::Edx, 0, "CPUID.C0000001H:EDX"},
    {FeatureWord::K1Eax, 0x40000001, false, 0, CpuidRegister::Eax, 0, "CPUID.40000001H:EAX"},
    {FeatureWord::K1Edx, 0x40000001, false, 0, CpuidRegister::Edx, 0, "CPUID.40000001H:EDX"},
    {FeatureWord::ArchCapabilities, 0, false, 0, CpuidRegister::Eax, kMsrArchCapabilities, "MSR(10AH)"},
    {FeatureWord::CoreCapability, 0, false, 0, CpuidRegister::Eax, kMsrCoreCapability, "MSR(CFH)"},
    {FeatureWord::PerfCapabilities, 0, false, 0, CpuidRegister::Eax, kMsrPerfCapabilities, "MSR(345H)"},
};
static_assert(std::size(kPlaces) == kFeatureWordCount);

// Same order as kPlaces.
constexpr std::string_view kNames[] = {
    // 1:EDX
    "fpu vme de pse tsc msr pae mce "
    "cx8 apic - sep mtrr pge mca cmov "
    "pat pse36 pn clflush - ds acpi mmx "
    "fxsr sse sse2 ss ht tm ia64 pbe",
    // 1:ECX (bit 27, OSXSAVE, follows CR4 and is the accelerator's)
    "pni pclmulqdq dtes64 monitor ds-cpl vmx smx est "
    "tm2 ssse3 cid - fma cx16 xtpr pdcm "
    "- pcid dca sse4.1 sse4.2 x2apic movbe popcnt "
    "tsc-deadline aes xsave - avx f16c rdrand hypervisor",
    // 6:EAX
    "- - arat",
    // 7.0:EBX
    "fsgsbase tsc-adjust sgx bmi1 hle avx2 fdp-excptn-only smep "
    "bmi2 erms invpcid rtm - zero-fcs-fds mpx - "
    "avx512f avx512dq rdseed adx smap avx512ifma pcommit clflushopt "
    "clwb intel-pt avx512pf avx512er avx512cd sha-ni avx512bw avx512vl",
    // 7.0:ECX (bit 4, OSPKE, follows CR4)
    "- avx512vbmi umip pku - waitpkg avx512vbmi2 shstk "
    "gfni vaes vpclmulqdq avx512vnni avx512bitalg - avx512-vpopcntdq - "
    "la57 - - - - - rdpid - "
    "bus-lock-detect cldemote - movdiri movdir64b - sgxlc pks",
    // 7.0:EDX
    "- - avx512-4vnniw avx512-4fmaps fsrm - - - "
    "avx512-vp2intersect - md-clear - - - serialize - "
    "tsx-ldtrk - - arch-lbr ibt - amx-bf16 avx512-fp16 "
    "amx-tile amx-int8 spec-ctrl stibp flush-l1d arch-capabilities core-capability ssbd",
    // 7.1:EAX
    "sha512 sm3 sm4 - avx-vnni avx512-bf16 - cmpccxadd "
    "- - fzrm fsrs fsrc - - - "
    "- fred lkgs wrmsrns - amx-fp16 - avx-ifma "
    "- - lam",
    // 7.1:EDX
    "- - - - avx-vnni-int8 avx-ne-convert - - "
    "amx-complex - avx-vnni-int16 - - - prefetchiti",
    // 7.2:EDX
    "intel-psfd ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no",
    // D.1:EAX
    "xsaveopt xsavec xgetbv1 xsaves xfd",
    // 8000_0001:EDX (on AMD bits 0-17, 23 and 24 repeat 1:EDX and are filled in from there)
    "- - - - - - - - "
    "- - - syscall - - - - "
    "- - - - nx - mmxext - "
    "- fxsr-opt pdpe1gb rdtscp - lm 3dnowext 3dnow",
    // 8000_0001:ECX
    "lahf-lm cmp-legacy svm extapic cr8legacy abm sse4a misalignsse "
    "3dnowprefetch osvw ibs xop skinit wdt - lwp "
    "fma4 tce - nodeid-msr - tbm topoext perfctr-core "
    "perfctr-nb",
    // 8000_0007:EDX
    "- - - - - - - - invtsc",
    // 8000_0008:EBX
    "clzero - xsaveerptr - - - - - "
    "- wbnoinvd - - ibpb - ibrs amd-stibp "
    "- stibp-always-on - - - - - - "
    "amd-ssbd virt-ssbd amd-no-ssb - amd-psfd btc-no ibpb-ret",
    // 8000_000A:EDX
    "npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid decodeassists "
    "- - pause-filter - pfthreshold avic - v-vmsave-vmload "
    "vgif - - - - - - - "
    "- vnmi - - svme-addr-chk",
    // 8000_0021:EAX
    "no-nested-data-bp fs-gs-base-ns lfence-always-serializing - - - null-sel-clr-base - "
    "auto-ibrs - - - - - - - "
    "- - - - prefetchi - - - "
    "eraps - - sbpb ibpb-brtype srso-no srso-user-kernel-no",
    // 8000_0022:EAX
    "perfmon-v2",
    // C000_0001:EDX
    "- - xstore xstore-en - - xcrypt xcrypt-en "
    "ace2 ace2-en phe phe-en pmm pmm-en",
    // 4000_0001:EAX
    "kvmclock kvm-nopiodelay kvm-mmu kvmclock kvm-asyncpf kvm-steal-time kvm-pv-eoi kvm-pv-unhalt "
    "- kvm-pv-tlb-flush kvm-asyncpf-vmexit kvm-pv-ipi kvm-poll-control kvm-pv-sched-yield kvm-asyncpf-int "
    "kvm-msi-ext-dest-id "
    "kvm-hc-map-gpa-range kvm-migration-control - - - - - - "
    "kvmclock-stable-bit",
    // 4000_0001:EDX
    "kvm-hint-dedicated",
    // IA32_ARCH_CAPABILITIES
    "rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl "
    "taa-no - - - - sbdr-ssdp-no fbsdp-no psdp-no "
    "- fb-clear - - rrsba bhi-no - - "
    "pbrsb-no - gds-no rfds-no rfds-clear",
    // IA32_CORE_CAPABILITIES
    "- - - - - split-lock-detect",
    // IA32_PERF_CAPABILITIES
    "- - - - - - - - - - - - - full-width-write",
};
static_assert(std::size(kNames) == kFeatureWordCount);

template <typename Visit>
void for_each_name(FeatureWord word, Visit visit) {
    std::string_view rest = kNames[static_cast<size_t>(word)];
    for (uint8_t bit = 0; !rest.empty(); bit++) {
        const size_t end = std::min(rest.find(' '), rest.size());
        const std::string_view name = rest.substr(0, end);
        if (name != "-") visit(bit, name);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

std::string canonical(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', '-');
    for (const FeatureAlias& alias : feature_aliases())
        if (alias.alias == text) return std::string(alias.name);
    return text;
}

}  // namespace

const FeatureWordPlace& feature_word_place(FeatureWord word) {
    const FeatureWordPlace& place = kPlaces[static_cast<size_t>(word)];
    CHECK(place.word == word, "feature word table out of order");
    return place;
}

const std::vector<FeatureAlias>& feature_aliases() {
    static const std::vector<FeatureAlias> kAliases = {
        {"sse3", "pni"}, {"pclmuldq", "pclmulqdq"}, {"sse4-1", "sse4.1"}, {"sse4-2", "sse4.2"},
        {"xd", "nx"},    {"ffxsr", "fxsr-opt"},     {"i64", "lm"},
    };
    return kAliases;
}

std::vector<FeatureBit> feature_bits(std::string_view name) {
    const std::string wanted = canonical(name);
    std::vector<FeatureBit> found;
    for (const FeatureWordPlace& place : kPlaces)
        for_each_name(place.word, [&](uint8_t bit, std::string_view text) {
            if (text == wanted) found.push_back({place.word, bit});
        });
    return found;
}

std::string_view feature_name(FeatureBit at) {
    std::string_view found;
    for_each_name(at.word, [&](uint8_t bit, std::string_view text) {
        if (bit == at.bit) found = text;
    });
    return found;
}

std::string feature_text(FeatureBit at) {
    const std::string name(feature_name(at));
    return strf("%s%s%s [bit %u]", feature_word_place(at.word).text, name.empty() ? "" : ".", name.c_str(),
                unsigned{at.bit});
}

std::vector<std::string_view> feature_names() {
    std::vector<std::string_view> names;
    for (const FeatureWordPlace& place : kPlaces)
        for_each_name(place.word, [&](uint8_t, std::string_view text) { names.push_back(text); });
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

uint64_t named_bits(FeatureWord word) {
    uint64_t mask = 0;
    for_each_name(word, [&](uint8_t bit, std::string_view) { mask |= uint64_t{1} << bit; });
    return mask;
}

uint64_t migratable_bits(FeatureWord word) {
    uint64_t mask = named_bits(word);
    // An invariant counter promises that its rate never changes, which another host cannot keep.
    if (word == FeatureWord::X7Edx) mask &= ~(uint64_t{1} << feature::kInvtsc.bit);
    if (word == FeatureWord::K1Edx) mask = 0;  // hints describe how this host schedules
    return mask;
}

}  // namespace vmm
