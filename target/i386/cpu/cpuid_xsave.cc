// Leaf D: extended state, its sizes and places (Intel SDM vol. 1 ch. 13), and the tile leaves 1D and 1E.
#include <algorithm>

#include "target/i386/cpu/leaves_priv.h"

namespace vmm {
namespace {

constexpr uint32_t kLegacyAndHeader = 512 + 64;
constexpr uint32_t kAligned = 2;  // ECX of a sub-leaf

uint32_t standard_size(const CpuidPolicy& policy) {
    uint32_t end = kLegacyAndHeader;
    for (unsigned i = 2; i < 64; i++)
        if ((policy.xcr0 >> i & 1) != 0) end = std::max(end, policy.xsave[i].offset + policy.xsave[i].size);
    return end;
}

uint32_t compacted_size(const CpuidPolicy& policy) {
    uint32_t end = kLegacyAndHeader;
    for (unsigned i = 2; i < 64; i++) {
        if (((policy.xcr0 | policy.xss) >> i & 1) == 0) continue;
        if ((policy.xsave[i].flags & kAligned) != 0) end = (end + 63) & ~63u;
        end += policy.xsave[i].size;
    }
    return end;
}

}  // namespace

void add_xsave_leaves(LeafWork& work) {
    const CpuidPolicy& policy = work.policy;
    if (policy.xcr0 == 0) return;
    const uint32_t size = standard_size(policy);
    work.add_indexed({.function = 0xd,
                      .eax = static_cast<uint32_t>(policy.xcr0),
                      .ebx = size,
                      .ecx = size,
                      .edx = static_cast<uint32_t>(policy.xcr0 >> 32)});
    CpuidEntry extension{.function = 0xd, .index = 1, .eax = policy.features.low(FeatureWord::FDs1Eax)};
    if (extension.eax != 0) {
        extension.ebx = compacted_size(policy);
        extension.ecx = static_cast<uint32_t>(policy.xss);
        extension.edx = static_cast<uint32_t>(policy.xss >> 32);
        work.add_indexed(extension);
    }
    for (uint32_t i = 2; i < 64; i++) {
        if (((policy.xcr0 | policy.xss) >> i & 1) == 0) continue;
        const XsaveComponent& part = policy.xsave[i];
        work.add_indexed(
            {.function = 0xd, .index = i, .eax = part.size, .ebx = part.offset, .ecx = part.flags});
    }
    for (const CpuidEntry& leaf : policy.host_leaves)
        if (leaf.function == 0x1d || leaf.function == 0x1e) work.add_indexed(leaf);
}

}  // namespace vmm
