// What a conversion will do, worked out before anything is done: which RAM the range covers, which runs of it
// change, and which host memory goes. Pure: flat view, visibility maps and a range in, a plan or a refusal
// out. For conversion.cc.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "system/memory/flat_view.h"
#include "system/memory/visibility.h"

namespace vmm {

// A part of the range that is RAM with a private side, within one section of the flat view.
struct RamPiece {
    GpaRange gpa;
    RamBlock* block;
    RamRange ram;                    // as long as gpa
    std::vector<RamRange> changes;   // runs that do not have the wanted visibility yet
    std::vector<RamRange> discards;  // of the opposite side: one, but for huge pages (see below)

    Gpa gpa_of(RamOffset offset) const { return gpa.first() + (offset - ram.first()); }
};

// Pieces next to each other in guest-physical space, whatever the slots, blocks and nodes behind.
struct Stretch {
    std::vector<RamPiece> pieces;
    GpaRange gpa() const { return GpaRange::between(pieces.front().gpa.first(), pieces.back().gpa.last()); }
    bool changes() const;
};

struct ConversionPlan {
    GpaRange range;
    Visibility to;
    std::vector<Stretch> stretches;  // by address
    uint64_t bytes_changed = 0;
};

// Why the guest may not have this; for the log.
struct Refusal {
    std::string why;
};

// To shared: parts without private memory (holes, MMIO, ROM) are left out of the plan, which firmware relies
// on. To private: the whole range must be RAM with a private side.
std::variant<ConversionPlan, Refusal> plan_conversion(const FlatView& view, GpaRange range, Visibility to);

// What plan_conversion's decisions about host memory depend on: the range, grown to whole huge pages where it
// starts or ends within one.
GpaRange reach_of_conversion(const FlatView& view, GpaRange range);

// The runs of `window` that consist of whole host pages without any shared 4 KiB page, besides those in
// `turning_private`. Host pages that reach outside `window` are not counted. Huge pages can only be freed
// whole.
std::vector<RamRange> wholly_private_host_pages(const RamBlock& block, RamRange window,
                                                const std::vector<RamRange>& turning_private);

}  // namespace vmm
