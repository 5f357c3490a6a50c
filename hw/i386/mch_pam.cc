// See mch_pam.h.
#include "hw/i386/mch_pam.h"

#include "hw/i386/q35_map.h"
#include "system/memory/topology.h"
#include "util/bits.h"
#include "util/check.h"

namespace vmm {

namespace {

constexpr uint32_t kBiosBase = 0xf0000, kBiosSize = 0x10000, kSmallSize = 0x4000;

}  // namespace

PamSegment pam_segment(unsigned index) {
    CHECK(index < kPamSegments, "PAM segment %u", index);
    if (index == 0) return {kBiosBase, kBiosSize, 0, 4};
    const unsigned small = index - 1;
    return {static_cast<uint32_t>(kShadowBase) + small * kSmallSize, kSmallSize, 1 + small / 2,
            small % 2 * 4};
}

PamState pam_state(PamRegisters registers, unsigned segment) {
    const PamSegment where = pam_segment(segment);
    return static_cast<PamState>(registers[where.reg] >> where.shift & 3);
}

PamWindows::Window::Window(const PamSegment& segment, MemoryRegion& ram_side, MemoryRegion& pci_side)
    : ram(MemoryRegion::alias("pam-ram", ram_side, segment.base, segment.size)),
      pci(MemoryRegion::alias("pam-pci", pci_side, segment.base, segment.size)) {}

PamWindows::PamWindows(Topology& topology, MemoryRegion& system, MemoryRegion& ram, MemoryRegion& pci)
    : topology_(topology) {
    Topology::Transaction transaction(topology_);
    for (unsigned i = 0; i < kPamSegments; ++i) {
        const PamSegment segment = pam_segment(i);
        Window& window = windows_.emplace_back(segment, ram, pci);
        topology_.set_enabled(window.ram, false);
        topology_.add(system, window.ram, segment.base, kPamPriority);
        topology_.add(system, window.pci, segment.base, kPamPriority);
    }
}

void PamWindows::apply(PamRegisters registers) {
    Topology::Transaction transaction(topology_);
    for (unsigned i = 0; i < kPamSegments; ++i) {
        const PamState state = pam_state(registers, i);
        if (state != windows_[i].state) show(windows_[i], state);
    }
}

void PamWindows::show(Window& window, PamState state) {
    topology_.set_enabled(window.pci, state == PamState::Pci);
    topology_.set_enabled(window.ram, state != PamState::Pci);
    topology_.set_readonly(window.ram, state == PamState::ReadRam);
    window.state = state;
}

}  // namespace vmm
