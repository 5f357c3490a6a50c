// How the conversion engine follows the memory map: RAM that comes to an address brings its visibility along,
// and where RAM that could be private has gone, nothing stays private. See conversion.h.
#include <algorithm>
#include <utility>

#include "system/memory/conversion.h"
#include "system/memory/convertible_priv.h"

namespace vmm {

namespace {

using ull = unsigned long long;

// Calls visit(part) for each maximal part of the range that cannot be private.
template <typename Visit>
void visit_outside(const FlatView& view, GpaRange range, Visit visit) {
    const FlatSection* end = view.sections().data() + view.sections().size();
    Gpa at = range.first();
    for (const FlatSection* s = view.find_from(at); s != nullptr && s != end; ++s) {
        if (s->range.first() > range.last()) break;
        const std::optional<RamPiece> piece = private_piece(*s);
        if (!piece || piece->gpa.last() < at) continue;
        if (piece->gpa.first() > range.last()) break;
        if (piece->gpa.first() > at) visit(GpaRange::between(at, piece->gpa.first() - 1));
        if (piece->gpa.last() >= range.last()) return;
        at = piece->gpa.last() + 1;
    }
    visit(GpaRange::between(at, range.last()));
}

}  // namespace

void ConversionEngine::begin() {
    commit_ticket_ = ranges_.acquire(kWholeSpace);
}

// Highest address first. Where sections lie side by side, one call will do.
void ConversionEngine::section_removed(const FlatSection& section) {
    const std::optional<RamPiece> piece = private_piece(section);
    if (!piece) return;
    if (!left_.empty() && piece->gpa.last() + 1 == left_.back().first())
        left_.back() = GpaRange::between(piece->gpa.first(), left_.back().last());
    else
        left_.push_back(piece->gpa);
}

void ConversionEngine::section_added(const FlatSection& section) {
    if (!can_be_private(section)) return;
    {
        Locked lock(mutex_);
        if (std::find(blocks_.begin(), blocks_.end(), section.ram) == blocks_.end())
            blocks_.push_back(section.ram);
    }
    largest_page_ = std::max(largest_page_.load(), section.ram->page_size());
    keep_first(sync_section(section));
}

// The memory slots have changed by now, so that no vCPU brings up a shared page of the RAM that has gone.
void ConversionEngine::commit(const FlatView&) {
    view_ = memory_.view();
    find_stretches();
    for (GpaRange left : left_)
        visit_outside(*view_, left, [this](GpaRange part) { keep_first(sync_outside(part)); });
    left_.clear();
    ranges_.release(commit_ticket_);
}

void ConversionEngine::find_stretches() {
    stretches_.clear();
    largest_stretch_.reset();
    if (!has_private_memory_) return;
    for (const FlatSection& s : view_->sections()) {
        const std::optional<RamPiece> piece = private_piece(s);
        if (!piece || s.ram->page_size() != kPageSize) continue;
        stretches_.push_back(*piece);
        if (!largest_stretch_ || largest_stretch_->gpa.size() < piece->gpa.size()) largest_stretch_ = *piece;
    }
}

Status ConversionEngine::sync_section(const FlatSection& section) {
    const std::optional<RamPiece> piece = private_piece(section);
    if (!piece) return {};
    for (const VisibilityModel::SyncStep& step : model_.sync(*piece))
        TRY(sync(step));
    return {};
}

Status ConversionEngine::sync_outside(GpaRange range) {
    const std::optional<VisibilityModel::SyncStep> step = model_.sync_outside(range);
    if (step) return sync(*step);
    return {};
}

Status ConversionEngine::sync(const VisibilityModel::SyncStep& step) {
    note({.attribute = 1});
    Status set = model_.set(step.what, step.to);
    if (set) return set;
    return std::move(set).take_error().while_doing(
        "making 0x%llx bytes at 0x%llx %s", static_cast<ull>(step.what.gpa.size()),
        static_cast<ull>(step.what.gpa.first().raw()), visibility_name(step.to));
}

void ConversionEngine::keep_first(Status synced) {
    if (synced) return;
    Locked lock(mutex_);
    if (!sync_error_) sync_error_ = std::move(synced).take_error();
}

Status ConversionEngine::sync_status() {
    Locked lock(mutex_);
    if (!sync_error_) return {};
    Error error = std::move(*sync_error_);
    sync_error_.reset();
    return error;
}

Status ConversionEngine::kernel_forgot() {
    RangeLock::Held held(ranges_, kWholeSpace);
    model_.forget();
    for (const FlatSection& s : view_->sections())
        TRY(sync_section(s));
    return {};
}

}  // namespace vmm
