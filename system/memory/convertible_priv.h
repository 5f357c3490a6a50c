// What of a flat view can be private, and all there is to lock. For conversion*.cc.
#pragma once

#include <optional>

#include "system/memory/conversion_plan.h"
#include "system/memory/flat_view.h"
#include "system/memory/ram_block.h"
#include "util/align.h"

namespace vmm {

inline const GpaRange kWholeSpace = GpaRange::between(Gpa(0), Gpa(~uint64_t{0}));

// RAM behind a read-only window, too, although the kernel can show nothing but its shared side there: a
// private page is not to look like an empty one, so that who reads it is stopped with a report.
inline bool can_be_private(const FlatSection& s) {
    return s.ram != nullptr && s.io == nullptr && s.ram->has_private_side();
}

// The whole pages of a section that can be private, if any. A page that a small device cuts is in no slot:
// it is served by software, and shared.
inline std::optional<RamPiece> private_piece(const FlatSection& s) {
    const GpaRange range = s.range;
    if (!can_be_private(s) || range.size() < kPageSize) return std::nullopt;
    const std::optional<uint64_t> first = checked_align_up(range.first().raw(), kPageSize);
    const uint64_t last = align_down(range.last().raw() + 1, kPageSize) - 1;
    if (!first || *first > last) return std::nullopt;
    const RamOffset ram_first = s.ram_offset + (*first - range.first().raw());
    if (!is_aligned(ram_first.raw(), kPageSize)) return std::nullopt;
    return RamPiece{GpaRange::between(Gpa(*first), Gpa(last)), s.ram, ram_first};
}

}  // namespace vmm
