// FlatView: an address space as a sorted list of disjoint sections, immutable once published. Found by binary
// search; shared between threads as shared_ptr<const FlatView>.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "system/memory/address.h"

namespace vmm {

class MemoryRegion;
class RamBlock;
class IoOps;

// A run of addresses served by one region at one offset.
struct FlatSection {
    GpaRange range = GpaRange::of(Gpa(0), 1);
    MemoryRegion* region = nullptr;  // the leaf: ram, rom, rom device or io
    uint64_t offset_in_region = 0;   // of range.first()
    RamBlock* ram = nullptr;         // set for ram, rom and rom devices (in read mode)
    RamOffset ram_offset = RamOffset(0);
    IoOps* io = nullptr;     // set for io, and for rom devices (writes)
    bool readonly = false;   // writes do not reach the RAM block
    bool reads_ram = false;  // reads come from the RAM block

    bool operator==(const FlatSection&) const = default;
};

class FlatView {
  public:
    // Sections sorted by address and disjoint (CHECKed).
    explicit FlatView(std::vector<FlatSection> sections);
    // The section that holds the address, or null.
    const FlatSection* find(Gpa address) const;
    // The section that holds the address, or the first one after it, or null.
    const FlatSection* find_from(Gpa address) const;
    const std::vector<FlatSection>& sections() const { return sections_; }

  private:
    std::vector<FlatSection> sections_;
};

using FlatViewPtr = std::shared_ptr<const FlatView>;

}  // namespace vmm
