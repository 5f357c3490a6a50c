// VM-wide memory attributes; see visibility_model.h.
#include "system/memory/visibility_model.h"

#include "system/memory/ram_block.h"

namespace vmm {

template <typename Visit>
void VmWideAttributes::visit_runs(GpaRange range, Visibility visibility, Visit visit) const {
    Locked lock(mutex_);
    kernel_.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, Visibility v) {
        if (v == visibility) visit(GpaRange::between(Gpa(first), Gpa(last)));
        return true;
    });
}

bool VmWideAttributes::is_all(GpaRange range, Visibility visibility) const {
    Locked lock(mutex_);
    return kernel_.visit(range.first().raw(), range.last().raw(),
                         [&](uint64_t, uint64_t, Visibility v) { return v == visibility; });
}

// A stretch of RAM takes one call from its first to its last run that changes. Outside RAM only what was left
// private by RAM that has gone is touched, where the range is to be shared.
void VmWideAttributes::steps(const ConversionPlan& plan, Steps& steps) const {
    constexpr size_t kNone = ~size_t{0};
    size_t stretch = 0;
    size_t in_step = kNone;  // the stretch that the last step ends in
    auto overlaps = [&](size_t s, GpaRange run) {
        return s < plan.stretches.size() && plan.stretches[s].overlaps(run);
    };
    visit_runs(plan.range, opposite(plan.to), [&](GpaRange run) {
        // A run may cover several stretches (and what lies between them) or be part of one.
        while (stretch < plan.stretches.size() && plan.stretches[stretch].last() < run.first())
            ++stretch;
        const size_t index = steps.before.size();
        steps.before.push_back({run, nullptr, RamOffset(0)});
        if (overlaps(stretch, run) && stretch == in_step) {
            Step& last = steps.list.back();
            last.what.gpa = GpaRange::between(last.what.gpa.first(), run.last());
            last.before_end = index + 1;
        } else {
            steps.list.push_back({steps.before.back(), index, index + 1});
        }
        while (overlaps(stretch + 1, run))
            ++stretch;
        in_step = overlaps(stretch, run) ? stretch : kNone;
    });
}

Status VmWideAttributes::set(const RamPiece& what, Visibility to) {
    TRY(sink_.set_visibility(what.gpa, to));
    Locked lock(mutex_);
    kernel_.set(what.gpa.first().raw(), what.gpa.last().raw(), to);
    return {};
}

void VmWideAttributes::visit(const RamPiece& piece,
                             const std::function<void(RamRange, Visibility)>& visit) const {
    for (Visibility v : {Visibility::Shared, Visibility::Private}) {
        // The caller's visit may take locks: not under ours.
        std::vector<GpaRange> runs;
        visit_runs(piece.gpa, v, [&](GpaRange run) { runs.push_back(run); });
        for (GpaRange run : runs)
            visit(RamRange::of(piece.ram_first + (run.first() - piece.gpa.first()), run.size()), v);
    }
}

std::vector<VisibilityModel::SyncStep> VmWideAttributes::sync(const RamPiece& piece) const {
    std::vector<SyncStep> steps;
    for (const VisibilityRun& truth : piece.block->visibility().runs(piece.ram())) {
        const RamPiece part = piece.cut(truth.range);
        if (is_all(part.gpa, truth.visibility)) continue;
        std::optional<GpaRange> wrong;
        visit_runs(part.gpa, opposite(truth.visibility), [&](GpaRange run) {
            wrong = wrong ? GpaRange::between(wrong->first(), run.last()) : run;
        });
        steps.push_back({{*wrong, nullptr, RamOffset(0)}, truth.visibility});
    }
    return steps;
}

void VmWideAttributes::forget() {
    Locked lock(mutex_);
    kernel_ = PageMap(Visibility::Shared);
}

}  // namespace vmm
