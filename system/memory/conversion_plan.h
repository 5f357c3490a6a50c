// What a conversion will do, worked out before anything is done: which RAM the range covers, which runs of it
// change, and which host memory goes. Pure: flat view, visibility maps and a range in, a plan or a refusal
// out. For conversion.cc. The common plan - one piece, one change - allocates nothing.
#pragma once

#include <optional>
#include <string>

#include "system/memory/flat_view.h"
#include "system/memory/visibility.h"
#include "util/small_vector.h"

namespace vmm {

// A part of the range that is RAM with a private side, within one section of the flat view; or a run of it.
struct RamPiece {
    GpaRange gpa;
    RamBlock* block;
    RamOffset ram_first;  // of gpa.first()

    RamRange ram() const { return RamRange::of(ram_first, gpa.size()); }
    // The part of this piece at `part` of the block.
    RamPiece cut(RamRange part) const {
        return {GpaRange::of(gpa.first() + (part.first() - ram_first), part.size()), block, part.first()};
    }
};

struct PlannedDiscard {
    RamBlock* block;
    RamRange ram;
};

struct ConversionPlan {
    ConversionPlan(GpaRange of, Visibility wanted) : range(of), to(wanted) {}
    // The range is one piece of small host pages, and all of it changes.
    void add_only(const RamPiece& piece);

    const GpaRange range;
    const Visibility to;
    SmallVector<RamPiece, 4> pieces;          // by address
    SmallVector<GpaRange, 4> stretches;       // pieces side by side, whatever slots and blocks are behind
    SmallVector<RamPiece, 4> changes;         // runs that do not have the wanted visibility yet
    SmallVector<PlannedDiscard, 4> discards;  // of the opposite side: one a piece, but for huge pages
    uint64_t bytes_changed = 0;
};

// Why the guest may not have this; for the log.
struct Refusal {
    std::string why;
};

// Fills an empty plan. To shared: parts without private memory (holes, MMIO, ROM) are left out, which
// firmware relies on. To private: the whole range must be RAM with a private side.
std::optional<Refusal> plan_conversion(const FlatView& view, ConversionPlan& plan);

// The runs of `window` that consist of whole host pages without any shared 4 KiB page, besides the changes
// [first_change, end) of the plan, which turn private. Host pages that reach outside `window` are not
// counted. Huge pages can only be freed whole.
void add_wholly_private_host_pages(RamBlock& block, RamRange window, const ConversionPlan& turning,
                                   size_t first_change, SmallVector<PlannedDiscard, 4>& found);

}  // namespace vmm
