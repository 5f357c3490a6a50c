// Leaves 0, 1, 5, 6, 7 and A (Intel SDM vol. 2A, CPUID), and the paravirtual leaves of KVM at 4000_0000.
#include <algorithm>

#include "target/i386/cpu/leaves_priv.h"

namespace vmm {
namespace {

uint32_t four_chars(const std::string& text, size_t at) {
    uint32_t word = 0;
    for (size_t i = 0; i < 4 && at + i < text.size(); i++)
        word |= uint32_t{static_cast<unsigned char>(text[at + i])} << 8 * i;
    return word;
}

void add_leaf_1(LeafWork& work) {
    const FeatureWords& words = work.policy.features;
    const unsigned cpus = std::min(work.topology.cpus_per_socket(), 255u);
    constexpr uint32_t kClflushEightBytes = 8 << 8;  // a line of 64 bytes
    CpuidEntry leaf{.function = 1, .eax = cpu_signature(work.policy)};
    leaf.ebx = work.apic_id << 24 | kClflushEightBytes;
    leaf.ecx = words.low(FeatureWord::F1Ecx);
    leaf.edx = words.low(FeatureWord::F1Edx);
    if (cpus > 1) {
        leaf.ebx |= cpus << 16;
        leaf.edx |= uint32_t{1} << feature::kHt.bit;
    }
    work.add(leaf);
}

void add_leaf_5(LeafWork& work) {
    constexpr uint32_t kExtensionsAndInterruptBreak = 3;
    const CpuidEntry* host = host_leaf(work.policy, 5);
    if (host != nullptr && host->eax != 0)
        work.add(*host);
    else
        work.add({.function = 5, .ecx = kExtensionsAndInterruptBreak});
}

void add_leaf_7(LeafWork& work) {
    const FeatureWords& words = work.policy.features;
    const uint32_t sub1_eax = words.low(FeatureWord::F7s1Eax), sub1_edx = words.low(FeatureWord::F7s1Edx);
    const uint32_t sub2_edx = words.low(FeatureWord::F7s2Edx);
    const uint32_t last = sub2_edx != 0 ? 2 : (sub1_eax | sub1_edx) != 0 ? 1 : 0;
    work.add_indexed({.function = 7,
                      .eax = last,
                      .ebx = words.low(FeatureWord::F7Ebx),
                      .ecx = words.low(FeatureWord::F7Ecx),
                      .edx = words.low(FeatureWord::F7Edx)});
    if (last >= 1) work.add_indexed({.function = 7, .index = 1, .eax = sub1_eax, .edx = sub1_edx});
    if (last >= 2) work.add_indexed({.function = 7, .index = 2, .edx = sub2_edx});
}

}  // namespace

uint32_t cpu_signature(const CpuidPolicy& policy) {
    const uint32_t family = std::min(policy.family, 0xfu);
    return (policy.family - family) << 20 | (policy.model >> 4 & 0xf) << 16 | family << 8 |
           (policy.model & 0xf) << 4 | (policy.stepping & 0xf);
}

void add_basic_leaves(LeafWork& work) {
    const std::string& vendor = work.policy.vendor;
    work.add({.function = 0,
              .eax = work.level,
              .ebx = four_chars(vendor, 0),
              .ecx = four_chars(vendor, 8),
              .edx = four_chars(vendor, 4)});
    add_leaf_1(work);
    add_leaf_5(work);
    work.add({.function = 6, .eax = work.policy.features.low(FeatureWord::F6Eax)});
    add_leaf_7(work);
    if (const CpuidEntry* pmu = host_leaf(work.policy, 0xa)) work.add(*pmu);
}

void add_kvm_leaves(LeafWork& work) {
    if (!work.policy.kvm) return;
    constexpr uint32_t kSignatureLeaf = 0x40000000, kFeatureLeaf = 0x40000001, kTimingLeaf = 0x40000010;
    constexpr uint32_t kApicBusKhz = 1'000'000;
    const std::string signature = "KVMKVMKVM";
    const bool timing = work.policy.show_tsc_khz && work.policy.tsc_khz != 0;
    work.add({.function = kSignatureLeaf,
              .eax = timing ? kTimingLeaf : kFeatureLeaf,
              .ebx = four_chars(signature, 0),
              .ecx = four_chars(signature, 4),
              .edx = four_chars(signature, 8)});
    work.add({.function = kFeatureLeaf,
              .eax = work.policy.features.low(FeatureWord::K1Eax),
              .edx = work.policy.features.low(FeatureWord::K1Edx)});
    if (timing)
        work.add(
            {.function = kTimingLeaf, .eax = static_cast<uint32_t>(work.policy.tsc_khz), .ebx = kApicBusKhz});
}

void add_extended_leaves(LeafWork& work) {
    const CpuidPolicy& policy = work.policy;
    const FeatureWords& words = policy.features;
    if (policy.xlevel < 0x80000000) return;
    const std::string& vendor = policy.vendor;
    work.add({.function = 0x80000000,
              .eax = policy.xlevel,
              .ebx = four_chars(vendor, 0),
              .ecx = four_chars(vendor, 8),
              .edx = four_chars(vendor, 4)});
    CpuidEntry features{.function = 0x80000001, .eax = cpu_signature(policy)};
    features.ecx = words.low(FeatureWord::X1Ecx);
    features.edx = words.low(FeatureWord::X1Edx);
    if (policy.is_amd()) {
        constexpr uint32_t kRepeated = 0x0183f3ff;  // bits that repeat leaf 1
        features.edx |= words.low(FeatureWord::F1Edx) & kRepeated;
        if (work.topology.cpus_per_socket() > 1) features.ecx |= uint32_t{1} << feature::kCmpLegacy.bit;
    }
    work.add(features);
    for (uint32_t i = 0; i < 3; i++)
        work.add({.function = 0x80000002 + i,
                  .eax = four_chars(policy.model_id, 16 * i),
                  .ebx = four_chars(policy.model_id, 16 * i + 4),
                  .ecx = four_chars(policy.model_id, 16 * i + 8),
                  .edx = four_chars(policy.model_id, 16 * i + 12)});
    work.add({.function = 0x80000007, .edx = words.low(FeatureWord::X7Edx)});
    const uint32_t virtual_bits = !words.test(feature::kLm) ? 0 : words.test(feature::kLa57) ? 57 : 48;
    CpuidEntry widths{.function = 0x80000008, .eax = policy.phys_bits | virtual_bits << 8};
    widths.ebx = words.low(FeatureWord::X8Ebx);
    const unsigned cpus = work.topology.cpus_per_socket();
    if (policy.is_amd() && cpus > 1) widths.ecx = work.layout.socket_shift << 12 | std::min(cpus - 1, 0xffu);
    work.add(widths);
    if (policy.xlevel2 != 0) {
        work.add({.function = 0xc0000000, .eax = policy.xlevel2});
        work.add({.function = 0xc0000001, .edx = words.low(FeatureWord::C1Edx)});
    }
}

}  // namespace vmm
