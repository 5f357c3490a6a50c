// Slot plan: from pieces of guest memory to KVM memory slots. Pure: no kernel, no RAM block. A slot covers
// whole pages only, maps them to host pages at the same distance, is at most so large as the kernel accepts,
// and names its place in the guest_memfd when it has one. What does not fit a slot (the odd ends of a piece,
// a piece that is shifted within its page) is left out: the guest's accesses to it exit and are served by
// software.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "system/memory/address.h"

namespace vmm::kvm {

// A run of guest memory: as the memory map has it (input), or as the kernel will (output).
struct SlotSpec {
    GpaRange range = GpaRange::of(Gpa(0), 1);
    uint64_t host_address = 0;  // of range.first(), in this process
    bool readonly = false;      // writes exit
    int gmem_fd = -1;           // the private side, or none
    uint64_t gmem_offset = 0;   // of range.first() in it
    bool operator==(const SlotSpec&) const = default;
};

// The kernel counts a slot's pages in 31 bits; this is the largest size below that keeps huge pages whole.
inline constexpr uint64_t kMaxSlotBytes = 4 * kTiB;

// Pieces are disjoint and sorted by address; so are the slots.
std::vector<SlotSpec> plan_slots(std::span<const SlotSpec> pieces, uint64_t max_slot_bytes = kMaxSlotBytes);

}  // namespace vmm::kvm
