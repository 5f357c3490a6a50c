// VM-wide memory attributes; see visibility_model.h.
#include "system/memory/visibility_model.h"

#include "system/memory/ram_block.h"

namespace vmm {

template <typename Visit>
void VmWideAttributes::visit_runs(GpaRange range, Visibility visibility, Visit visit) const {
    kernel_.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, Visibility v) {
        if (v == visibility) visit(GpaRange::between(Gpa(first), Gpa(last)));
        return true;
    });
}

bool VmWideAttributes::is_all(const RamPiece& piece, Visibility visibility) const {
    return kernel_.is_all(piece.gpa.first().raw(), piece.gpa.last().raw(), visibility);
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
    Status done = sink_.set_visibility(what.gpa, to);
    if (done) kernel_.set(what.gpa.first().raw(), what.gpa.last().raw(), to);
    return done;
}

void VmWideAttributes::visit(const RamPiece& piece,
                             const std::function<void(RamRange, Visibility)>& visit) const {
    for (Visibility v : {Visibility::Shared, Visibility::Private}) {
        visit_runs(piece.gpa, v, [&](GpaRange run) {
            visit(RamRange::of(piece.ram_first + (run.first() - piece.gpa.first()), run.size()), v);
        });
    }
}

std::vector<VisibilityModel::SyncStep> VmWideAttributes::sync(const RamPiece& piece) const {
    std::vector<SyncStep> steps;
    for (const VisibilityRun& truth : piece.block->visibility().runs(piece.ram())) {
        const std::optional<SyncStep> step = one_step(piece.cut(truth.range).gpa, truth.visibility);
        if (step) steps.push_back(*step);
    }
    return steps;
}

std::optional<VisibilityModel::SyncStep> VmWideAttributes::sync_outside(GpaRange range) const {
    return one_step(range, Visibility::Shared);
}

std::optional<VisibilityModel::SyncStep> VmWideAttributes::one_step(GpaRange range,
                                                                    Visibility visibility) const {
    std::optional<GpaRange> wrong;
    visit_runs(range, opposite(visibility),
               [&](GpaRange run) { wrong = wrong ? GpaRange::between(wrong->first(), run.last()) : run; });
    if (!wrong) return std::nullopt;
    return SyncStep{{*wrong, nullptr, RamOffset(0)}, visibility};
}

void VmWideAttributes::forget() {
    kernel_.clear();
}

}  // namespace vmm
