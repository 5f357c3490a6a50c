// The leaves that only AMD and Hygon processors give (APM vol. 3 E.4): caches, SVM, topology extensions.
#include <algorithm>

#include "target/i386/cpu/cpuid_cache_priv.h"
#include "target/i386/cpu/leaves_priv.h"

namespace vmm {
namespace {

constexpr uint32_t kSvmRevision = 1;
constexpr uint32_t kSvmAsids = 16;

// 8000_001E: the extended APIC id, the core in its package and the node.
void add_place(LeafWork& work) {
    const uint32_t node = work.place.socket * work.topology.dies + work.place.die;
    const uint32_t core = work.place.die * work.topology.cores + work.place.core;
    work.add({.function = 0x8000001e,
              .eax = work.apic_id,
              .ebx = std::min(core, 0xffu) | (work.topology.threads - 1) << 8,
              .ecx = std::min(node, 0xffu) | (work.topology.dies - 1) << 8});
}

}  // namespace

void add_amd_leaves(LeafWork& work) {
    const FeatureWords& words = work.policy.features;
    if (work.policy.xlevel < 0x80000000) return;
    add_amd_cache_leaves(work);
    if (!work.policy.is_amd()) return;
    if (words.test(feature::kSvm))
        work.add({.function = 0x8000000a,
                  .eax = kSvmRevision,
                  .ebx = kSvmAsids,
                  .edx = words.low(FeatureWord::XAEdx)});
    if (words.test(feature::kTopoext)) add_place(work);
    if (words[FeatureWord::X21Eax] != 0)
        work.add({.function = 0x80000021, .eax = words.low(FeatureWord::X21Eax)});
    if (words[FeatureWord::X22Eax] != 0) {
        const CpuidEntry* host = host_leaf(work.policy, 0x80000022);
        work.add({.function = 0x80000022,
                  .eax = words.low(FeatureWord::X22Eax),
                  .ebx = host != nullptr ? host->ebx : 0});
    }
}

}  // namespace vmm
