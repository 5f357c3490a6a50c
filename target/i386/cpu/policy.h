// What a guest's CPUs are: the question (CpuRequest, HostCpu), and the answer (CpuidPolicy) that all leaves
// are built from. resolve() is the only maker of policies; a confidential guest shapes one by CpuidMask. Pure
// data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "target/i386/cpu/cache.h"
#include "target/i386/cpu/cpuid_set.h"
#include "target/i386/cpu/feature_bits.h"

namespace vmm {

// What the host can give; collected by the KVM side.
struct HostCpu {
    CpuidSet supported;  // KVM_GET_SUPPORTED_CPUID
    CpuidSet native;     // the CPUID instruction here: identity, caches, address widths
    std::vector<std::pair<uint32_t, uint64_t>> feature_msrs;  // KVM_GET_MSRS of the system device
    bool in_kernel_lapic = true;      // in-kernel or split irqchip; else no x2apic, no pv-unhalt
    bool tsc_deadline_timer = true;   // KVM_CAP_TSC_DEADLINE_TIMER
    bool msi_ext_dest_id = false;     // MSI routes carry more than 8 bits of destination
    bool map_gpa_range = false;       // KVM_HC_MAP_GPA_RANGE leaves to user space and is answered
    bool can_sleep_in_guest = false;  // MWAIT does not exit (-overcommit cpu-pm=on)
    bool anything = false;            // there is no host to compare with: every feature can be had
    bool planned = false;             // nothing will run here: what protects the guest need not be there

    uint64_t feature_msr(uint32_t index) const;
};

// One boolean of -cpu, already known to be a feature.
struct FeatureSetting {
    std::string name;
    bool on = true;
};

// -cpu, parsed (options.h) or filled in by hand. Unset: as the model has it.
struct CpuRequest {
    std::string model = "qemu64";
    std::vector<FeatureSetting> features;  // later ones win
    std::optional<unsigned> family, model_number, stepping;
    std::optional<std::string> vendor, model_id;
    std::optional<uint32_t> level, min_level, xlevel, min_xlevel, xlevel2, min_xlevel2;
    std::optional<uint32_t> apic_id;    // of the only processor
    std::optional<unsigned> phys_bits;  // 0: the default
    std::optional<bool> host_phys_bits;
    std::optional<unsigned> host_phys_bits_limit;  // 0: none
    std::optional<uint64_t> tsc_frequency;         // Hz
    std::optional<bool> pmu;
    std::optional<bool> migratable;  // host and max only
    std::optional<bool> legacy_cache;
    bool check = true;
    bool enforce = false;
    bool kvm = true;  // show KVM's leaves
    bool l3_cache = true;
    bool host_cache_info = false;
    bool cpuid_0xb = true;
    bool vmware_cpuid_freq = true;
    bool auto_level = true;             // levels rise with the features
    std::vector<std::string> warnings;  // about the text
};

// Bits that a kind of guest takes away or insists on, with the reason for messages.
struct CpuidMask {
    FeatureWord word;
    uint64_t clear = 0;
    uint64_t set = 0;
    std::string reason;
};

// A feature that was asked for and is not given.
struct MissingFeature {
    FeatureBit at;
    std::string reason;  // "host doesn't support requested feature", or the mask's
};

struct XsaveComponent {
    uint32_t size = 0;
    uint32_t offset = 0;
    uint32_t flags = 0;  // ECX: bit 0 supervisor state, bit 1 aligned to 64 bytes
};

struct CpuidPolicy {
    std::string name;  // model with its version, "host" or "max"
    std::string vendor;
    std::string model_id;
    unsigned family = 0;
    unsigned model = 0;
    unsigned stepping = 0;
    uint32_t level = 0;
    uint32_t xlevel = 0;
    uint32_t xlevel2 = 0;
    FeatureWords features;
    unsigned phys_bits = 40;
    CacheSet intel_caches;  // for leaves 2 and 4
    CacheSet amd_caches;    // for leaves 8000_0005, 8000_0006, 8000_001D
    bool l3_cache = true;
    bool host_cache_info = false;
    bool kvm = true;
    bool cpuid_0xb = true;
    bool pmu = false;
    uint64_t tsc_khz = 0;       // 0: not fixed by the user
    bool show_tsc_khz = false;  // leaf 4000_0010
    uint64_t xcr0 = 0;          // state components of user space
    uint64_t xss = 0;           // and of the supervisor
    std::array<XsaveComponent, 64> xsave{};
    std::vector<CpuidEntry> host_leaves;  // leaves passed on as they are: caches, PMU, AMX, MWAIT
    std::vector<CpuidEntry> more_leaves;  // of what protects the guest
    std::vector<MissingFeature> missing;
    std::vector<std::string> warnings;  // about how it was asked for
    bool check = true;
    std::optional<bool> migratable;  // of host and max

    bool is_intel() const;
    bool is_amd() const;  // or Hygon
    // The feature MSRs that vCPUs must be given, in order.
    std::vector<std::pair<uint32_t, uint64_t>> msrs() const;
};

}  // namespace vmm
