// Cutting memory into slots; see slot_plan.h.
#include "accel/kvm/slot_plan.h"

#include "util/align.h"

namespace vmm::kvm {

namespace {
// The part of a piece from an address on, of a size.
SlotSpec part(const SlotSpec& piece, Gpa first, uint64_t size) {
    SlotSpec cut = piece;
    uint64_t distance = first - piece.range.first();
    cut.range = GpaRange::of(first, size);
    cut.host_address += distance;
    if (cut.gmem_fd >= 0) cut.gmem_offset += distance;
    return cut;
}

bool congruent(const SlotSpec& piece) {
    uint64_t first = piece.range.first().raw();
    return is_aligned(piece.host_address - first, kPageSize) &&
           (piece.gmem_fd < 0 || is_aligned(piece.gmem_offset - first, kPageSize));
}
}  // namespace

std::vector<SlotSpec> plan_slots(std::span<const SlotSpec> pieces, uint64_t max_slot_bytes) {
    std::vector<SlotSpec> slots;
    for (const SlotSpec& piece : pieces) {
        if (!congruent(piece)) continue;
        std::optional<uint64_t> first = checked_align_up(piece.range.first().raw(), kPageSize);
        // One past the last whole page; a piece that ends with the address space loses its last page.
        uint64_t end = align_down(piece.range.last().raw() + 1, kPageSize);
        if (piece.range.last().raw() == ~uint64_t{0}) end = align_down(piece.range.last().raw(), kPageSize);
        if (!first) continue;
        for (uint64_t at = *first; at < end;) {
            uint64_t size = std::min(end - at, max_slot_bytes);
            slots.push_back(part(piece, Gpa(at), size));
            at += size;
        }
    }
    return slots;
}

}  // namespace vmm::kvm
