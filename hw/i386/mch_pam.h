// The programmable attribute map: for each segment of 0xc0000-0xfffff, whether reads and writes go to RAM or
// to the PCI side (ROMs). Made and told by the host bridge (mch.h). Q35 datasheet, 5.1.20-26 (PAM0-PAM6).
//
// "Write RAM, read PCI" has no counterpart in a map of memory slots: it is RAM both ways. Where the PCI side
// has nothing, the RAM below shows, so that a guest without legacy ROMs has all of its first megabyte.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>

#include "system/memory/region.h"

namespace vmm {

class Topology;

inline constexpr unsigned kPamRegisters = 7;
inline constexpr unsigned kPamSegments = 13;
using PamRegisters = std::span<const uint8_t, kPamRegisters>;

// Overlays of the host bridge above RAM and PCI; SMRAM wins.
inline constexpr int kPamPriority = 1;
inline constexpr int kSmramPriority = 2;

// The value of a segment's two bits: bit 0 reads from RAM, bit 1 writes to RAM.
enum class PamState : uint8_t { Pci = 0, ReadRam = 1, WriteRam = 2, Ram = 3 };

struct PamSegment {
    uint32_t base;
    uint32_t size;
    unsigned reg;    // which of the seven
    unsigned shift;  // of its two bits
    bool operator==(const PamSegment&) const = default;
};
// Segment 0 is the system BIOS, 64 KiB at 0xf0000; 1..12 are 16 KiB each from 0xc0000.
PamSegment pam_segment(unsigned index);
PamState pam_state(PamRegisters registers, unsigned segment);
// The bits of register 0..6 that exist.
constexpr uint8_t pam_writable(unsigned reg) {
    return reg == 0 ? 0x30 : 0x33;
}

// What the segments' states look like in memory.
class PamWindows {
  public:
    // All borrowed. `ram` is the memory from address 0, `pci` the PCI side, both by address; the windows are
    // put into `system`. All segments start in state Pci.
    PamWindows(Topology& topology, MemoryRegion& system, MemoryRegion& ram, MemoryRegion& pci);

    // One change of the map, of those segments that differ.
    void apply(PamRegisters registers);
    PamState state(unsigned segment) const { return windows_[segment].state; }

  private:
    struct Window {
        Window(const PamSegment& segment, MemoryRegion& ram_side, MemoryRegion& pci_side);
        MemoryRegion ram, pci;
        PamState state = PamState::Pci;
    };
    void show(Window& window, PamState state);

    Topology& topology_;
    std::deque<Window> windows_;
};

}  // namespace vmm
