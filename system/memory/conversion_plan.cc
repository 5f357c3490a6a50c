// Planning conversions; see conversion_plan.h.
#include "system/memory/conversion_plan.h"

#include <algorithm>

#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "util/align.h"
#include "util/text.h"

namespace vmm {

namespace {

using ull = unsigned long long;

RamRange ram_of(const FlatSection& s, GpaRange part) {
    return RamRange::of(s.ram_offset + (part.first() - s.range.first()), part.size());
}

bool can_be_private(const FlatSection& s) {
    return s.ram != nullptr && s.io == nullptr && s.ram->has_private_side();
}

RamRange hull(const std::vector<RamRange>& runs) {
    return RamRange::between(runs.front().first(), runs.back().last());
}

RamPiece make_piece(const FlatSection& s, GpaRange part, Visibility to) {
    RamPiece piece{part, s.ram, ram_of(s, part), {}, {}};
    for (const VisibilityRun& run : s.ram->visibility().runs(piece.ram))
        if (run.visibility != to) piece.changes.push_back(run.range);
    if (piece.changes.empty()) return piece;
    if (to == Visibility::Private && s.ram->page_size() > kPageSize) {
        RamRange window = ram_of(s, s.range);
        uint64_t page = s.ram->page_size();
        RamRange touched = hull(piece.changes);
        std::optional<RamRange> near =
            window.intersect(RamRange::between(RamOffset(align_down(touched.first().raw(), page)),
                                               RamOffset(align_up(touched.last().raw() + 1, page) - 1)));
        piece.discards = wholly_private_host_pages(*s.ram, *near, piece.changes);
    } else {
        // What lies between two changes has nothing on that side: one call covers all.
        piece.discards.push_back(hull(piece.changes));
    }
    return piece;
}

void append(ConversionPlan& plan, RamPiece piece) {
    for (RamRange change : piece.changes)
        plan.bytes_changed += change.size();
    bool continues =
        !plan.stretches.empty() && plan.stretches.back().gpa().last().raw() + 1 == piece.gpa.first().raw();
    if (!continues) plan.stretches.emplace_back();
    plan.stretches.back().pieces.push_back(std::move(piece));
}

// The first address of the range that cannot be private, if any.
std::optional<Refusal> refusal(const FlatView& view, GpaRange range) {
    Gpa at = range.first();
    while (true) {
        const FlatSection* s = view.find(at);
        if (s == nullptr) return Refusal{strf("nothing is at 0x%llx", static_cast<ull>(at.raw()))};
        if (!can_be_private(*s)) {
            return Refusal{strf("'%s' at 0x%llx has no private memory", s->region->name().c_str(),
                                static_cast<ull>(at.raw()))};
        }
        if (s->range.last() >= range.last()) return std::nullopt;
        at = s->range.last() + 1;
    }
}

bool all_private_besides(const RamBlock& block, RamRange host_page, const std::vector<RamRange>& changes) {
    RamOffset at = host_page.first();
    for (RamRange change : changes) {
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

bool Stretch::changes() const {
    return std::any_of(pieces.begin(), pieces.end(), [](const RamPiece& p) { return !p.changes.empty(); });
}

std::vector<RamRange> wholly_private_host_pages(const RamBlock& block, RamRange window,
                                                const std::vector<RamRange>& turning_private) {
    const uint64_t page = block.page_size();
    std::vector<RamRange> found;
    for (uint64_t at = align_up(window.first().raw(), page); at + page - 1 <= window.last().raw();
         at += page) {
        RamRange host_page = RamRange::of(RamOffset(at), page);
        if (!all_private_besides(block, host_page, turning_private)) continue;
        if (!found.empty() && found.back().last().raw() + 1 == at)
            found.back() = RamRange::between(found.back().first(), host_page.last());
        else
            found.push_back(host_page);
    }
    return found;
}

std::variant<ConversionPlan, Refusal> plan_conversion(const FlatView& view, GpaRange range, Visibility to) {
    if (!range.aligned(kPageSize)) return Refusal{"not aligned to 4 KiB pages"};
    if (to == Visibility::Private) {
        std::optional<Refusal> no = refusal(view, range);
        if (no) return *no;
    }
    ConversionPlan plan{range, to, {}, 0};
    const FlatSection* end = view.sections().data() + view.sections().size();
    for (const FlatSection* s = view.find_from(range.first()); s != nullptr && s != end; ++s) {
        std::optional<GpaRange> part = s->range.intersect(range);
        if (!part) break;
        if (can_be_private(*s)) append(plan, make_piece(*s, *part, to));
    }
    return plan;
}

GpaRange reach_of_conversion(const FlatView& view, GpaRange range) {
    auto grown = [&](Gpa edge) {
        const FlatSection* s = view.find(edge);
        if (s == nullptr || !can_be_private(*s) || s->ram->page_size() <= kPageSize)
            return GpaRange::of(edge, 1);
        const uint64_t page = s->ram->page_size();
        uint64_t in_page = (s->ram_offset + (edge - s->range.first())).raw() & (page - 1);
        uint64_t below = std::min(in_page, edge - s->range.first());
        uint64_t above = std::min(page - 1 - in_page, s->range.last() - edge);
        return GpaRange::between(edge - below, edge + above);
    };
    return GpaRange::between(grown(range.first()).first(), grown(range.last()).last());
}

}  // namespace vmm
