// A host that has everything; see any_host.h.
#include "target/i386/cpu/any_host.h"

namespace vmm {

namespace {

// Leaf D as processors have it: sizes and offsets of the components in the standard layout of XSAVE.
std::vector<CpuidEntry> extended_state() {
    struct Component {
        uint32_t number, size, offset;
    };
    constexpr Component kComponents[] = {{2, 256, 576}, {3, 64, 960},   {4, 64, 1024},
                                         {5, 64, 1088}, {6, 512, 1152}, {7, 1024, 1664},
                                         {9, 8, 2688},  {17, 64, 2752}, {18, 8192, 2816}};
    uint32_t all = 3;
    std::vector<CpuidEntry> leaves;
    for (const Component& part : kComponents) {
        all |= 1u << part.number;
        leaves.push_back({.function = 0xd,
                          .index = part.number,
                          .flags = kCpuidSignificantIndex,
                          .eax = part.size,
                          .ebx = part.offset,
                          .ecx = part.number > 9 ? 2u : 0u});
    }
    leaves.push_back({.function = 0xd, .index = 0, .flags = kCpuidSignificantIndex, .eax = all});
    leaves.push_back({.function = 0xd, .index = 1, .flags = kCpuidSignificantIndex});
    return leaves;
}

}  // namespace

HostCpu any_host() {
    HostCpu host;
    host.anything = true;
    host.supported = CpuidSet(extended_state());
    return host;
}

}  // namespace vmm
