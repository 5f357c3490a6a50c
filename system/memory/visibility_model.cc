// VM-wide memory attributes; see visibility_model.h.
#include "system/memory/visibility_model.h"

#include "system/memory/ram_block.h"

namespace vmm {

std::vector<GpaRange> VmWideAttributes::runs_of(GpaRange range, Visibility visibility) const {
    std::vector<GpaRange> runs;
    Locked lock(mutex_);
    kernel_.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, Visibility v) {
        if (v == visibility) runs.push_back(GpaRange::between(Gpa(first), Gpa(last)));
        return true;
    });
    return runs;
}

bool VmWideAttributes::is_all(GpaRange range, Visibility visibility) const {
    Locked lock(mutex_);
    return kernel_.visit(range.first().raw(), range.last().raw(),
                         [&](uint64_t, uint64_t, Visibility v) { return v == visibility; });
}

// A stretch of RAM takes one call from its first to its last run that changes. Outside RAM only what was left
// private by RAM that has gone is touched, where the range is to be shared.
std::vector<VisibilityModel::Step> VmWideAttributes::steps(const ConversionPlan& plan) const {
    std::vector<Step> steps;
    size_t stretch = 0;
    const Stretch* in_step = nullptr;  // the stretch that the last step belongs to
    for (GpaRange run : runs_of(plan.range, opposite(plan.to))) {
        // A run may cover several stretches (and what lies between them) or be part of one.
        while (stretch < plan.stretches.size() && plan.stretches[stretch].gpa().last() < run.first())
            ++stretch;
        const Stretch* here = stretch < plan.stretches.size() && plan.stretches[stretch].gpa().overlaps(run)
                                  ? &plan.stretches[stretch]
                                  : nullptr;
        if (here != nullptr && here == in_step) {
            steps.back().gpa = GpaRange::between(steps.back().gpa.first(), run.last());
            steps.back().before.push_back(run);
        } else {
            steps.push_back({.gpa = run, .before = {run}});
        }
        while (stretch + 1 < plan.stretches.size() && plan.stretches[stretch + 1].gpa().overlaps(run))
            ++stretch;
        in_step = stretch < plan.stretches.size() && plan.stretches[stretch].gpa().overlaps(run)
                      ? &plan.stretches[stretch]
                      : nullptr;
    }
    return steps;
}

Status VmWideAttributes::set(const Step& step, Visibility to) {
    TRY(sink_.set_visibility(step.gpa, to));
    Locked lock(mutex_);
    kernel_.set(step.gpa.first().raw(), step.gpa.last().raw(), to);
    return {};
}

std::vector<VisibilityModel::Step> VmWideAttributes::reverse(const Step& step) const {
    std::vector<Step> steps;
    for (GpaRange run : step.before)
        steps.push_back({.gpa = run, .before = {run}});
    return steps;
}

void VmWideAttributes::visit(const RamPiece& piece,
                             const std::function<void(RamRange, Visibility)>& visit) const {
    for (Visibility v : {Visibility::Shared, Visibility::Private})
        for (GpaRange run : runs_of(piece.gpa, v))
            visit(RamRange::of(piece.ram.first() + (run.first() - piece.gpa.first()), run.size()), v);
}

std::vector<VisibilityModel::SyncStep> VmWideAttributes::sync(const RamPiece& piece) const {
    std::vector<SyncStep> steps;
    for (const VisibilityRun& truth : piece.block->visibility().runs(piece.ram)) {
        GpaRange gpa = GpaRange::of(piece.gpa_of(truth.range.first()), truth.range.size());
        if (is_all(gpa, truth.visibility)) continue;
        std::vector<GpaRange> wrong = runs_of(gpa, opposite(truth.visibility));
        GpaRange all = GpaRange::between(wrong.front().first(), wrong.back().last());
        steps.push_back({{.gpa = all, .before = std::move(wrong)}, truth.visibility});
    }
    return steps;
}

void VmWideAttributes::forget() {
    Locked lock(mutex_);
    kernel_ = PageMap(Visibility::Shared);
}

}  // namespace vmm
