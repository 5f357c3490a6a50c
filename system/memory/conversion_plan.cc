// Planning conversions; see conversion_plan.h.
#include "system/memory/conversion_plan.h"

#include <algorithm>

#include "system/memory/convertible_priv.h"
#include "system/memory/region.h"
#include "util/align.h"
#include "util/text.h"

namespace vmm {

namespace {

using ull = unsigned long long;

// Those of the changes that lie in the piece: the last ones.
void add_changes(ConversionPlan& plan, const RamPiece& piece) {
    piece.block->visibility().visit(piece.ram(), [&](RamRange run, Visibility visibility) {
        if (visibility == plan.to) return;
        plan.changes.push_back(piece.cut(run));
        plan.bytes_changed += run.size();
    });
}

void add_discards(ConversionPlan& plan, RamRange window, const RamPiece& piece, size_t first_change) {
    if (first_change == plan.changes.size()) return;
    RamRange touched =
        RamRange::between(plan.changes[first_change].ram_first, plan.changes.back().ram().last());
    const uint64_t page = piece.block->page_size();
    if (plan.to == Visibility::Shared || page == kPageSize) {
        // What lies between two changes has nothing on that side: one call covers all.
        plan.discards.push_back({piece.block, touched});
        return;
    }
    RamRange grown = RamRange::between(RamOffset(align_down(touched.first().raw(), page)),
                                       RamOffset(align_up(touched.last().raw() + 1, page) - 1));
    add_wholly_private_host_pages(*piece.block, *window.intersect(grown), plan, first_change, plan.discards);
}

// A part of what one section has.
void add_piece(ConversionPlan& plan, const RamPiece& whole, GpaRange part) {
    const RamPiece piece{part, whole.block, whole.ram_first + (part.first() - whole.gpa.first())};
    plan.pieces.push_back(piece);
    if (!plan.stretches.empty() && plan.stretches.back().last() + 1 == part.first())
        plan.stretches.back() = GpaRange::between(plan.stretches.back().first(), part.last());
    else
        plan.stretches.push_back(part);
    const size_t first_change = plan.changes.size();
    add_changes(plan, piece);
    add_discards(plan, whole.ram(), piece, first_change);
}

// The first address of the range that cannot be private, if any.
std::optional<Refusal> refusal(const FlatView& view, GpaRange range) {
    Gpa at = range.first();
    while (true) {
        const FlatSection* s = view.find(at);
        if (s == nullptr) return Refusal{strf("nothing is at 0x%llx", static_cast<ull>(at.raw()))};
        const std::optional<RamPiece> piece = private_piece(*s);
        if (!piece || !piece->gpa.contains(at)) {
            return Refusal{strf("'%s' at 0x%llx has no private memory", s->region->name().c_str(),
                                static_cast<ull>(at.raw()))};
        }
        if (piece->gpa.last() >= range.last()) return std::nullopt;
        at = piece->gpa.last() + 1;
    }
}

bool all_private_besides(const RamBlock& block, RamRange host_page, const ConversionPlan& turning,
                         size_t first_change) {
    RamOffset at = host_page.first();
    for (size_t i = first_change; i < turning.changes.size(); ++i) {
        const RamRange change = turning.changes[i].ram();
        if (!change.overlaps(host_page)) continue;
        if (change.first() > at &&
            !block.visibility().is_all(RamRange::between(at, change.first() - 1), Visibility::Private))
            return false;
        if (change.last() >= host_page.last()) return true;
        at = change.last() + 1;
    }
    return block.visibility().is_all(RamRange::between(at, host_page.last()), Visibility::Private);
}

}  // namespace

void ConversionPlan::add_only(const RamPiece& piece) {
    pieces.push_back(piece);
    stretches.push_back(piece.gpa);
    changes.push_back(piece);
    discards.push_back({piece.block, piece.ram()});
    bytes_changed = piece.gpa.size();
}

void add_wholly_private_host_pages(RamBlock& block, RamRange window, const ConversionPlan& turning,
                                   size_t first_change, SmallVector<PlannedDiscard, 4>& found) {
    const uint64_t page = block.page_size();
    bool continues = false;  // the last one found ends where the next page starts
    for (uint64_t at = align_up(window.first().raw(), page); at + page - 1 <= window.last().raw();
         at += page) {
        const RamRange host_page = RamRange::of(RamOffset(at), page);
        const bool goes = all_private_besides(block, host_page, turning, first_change);
        if (goes && continues)
            found.back().ram = RamRange::between(found.back().ram.first(), host_page.last());
        else if (goes)
            found.push_back({&block, host_page});
        continues = goes;
    }
}

std::optional<Refusal> plan_conversion(const FlatView& view, ConversionPlan& plan) {
    const GpaRange range = plan.range;
    if (!range.aligned(kPageSize)) return Refusal{"not aligned to 4 KiB pages"};
    if (plan.to == Visibility::Private) {
        std::optional<Refusal> no = refusal(view, range);
        if (no) return no;
    }
    const FlatSection* end = view.sections().data() + view.sections().size();
    for (const FlatSection* s = view.find_from(range.first()); s != nullptr && s != end; ++s) {
        if (!s->range.overlaps(range)) break;
        const std::optional<RamPiece> whole = private_piece(*s);
        const std::optional<GpaRange> part = whole ? whole->gpa.intersect(range) : std::nullopt;
        if (part) add_piece(plan, *whole, *part);
    }
    return std::nullopt;
}

}  // namespace vmm
