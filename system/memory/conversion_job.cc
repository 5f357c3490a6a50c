// Carrying out a conversion and taking it back; see conversion_job_priv.h.
#include <cerrno>
#include <chrono>
#include <thread>

#include "system/memory/conversion_job_priv.h"
#include "system/memory/ram_block.h"
#include "util/align.h"

namespace vmm {

namespace {

template <typename Call>
Status repeat(const RetryPolicy& policy, ConversionStats& stats, Call call) {
    for (unsigned attempt = 1;; ++attempt) {
        Status done = call();
        if (done || attempt >= policy.attempts) return done;
        int number = done.error().number();
        if (number != EAGAIN && number != EINTR) return done;
        stats.note_retry();
        if (policy.pause_us != 0)
            std::this_thread::sleep_for(std::chrono::microseconds(policy.pause_us * attempt));
    }
}

}  // namespace

ConversionJob::ConversionJob(const ConversionPlan& plan, const Parts& parts)
    : plan_(plan), parts_(parts), steps_(parts.model.steps(plan)) {
    for (const Stretch& stretch : plan.stretches)
        for (const RamPiece& piece : stretch.pieces)
            for (RamRange change : piece.changes)
                changes_.push_back({piece.block, change});
}

Status ConversionJob::run() {
    return plan_.to == Visibility::Private ? run_to_private() : run_to_shared();
}

// Devices stop first: what they may use goes away.
Status ConversionJob::run_to_private() {
    publish(Visibility::Private);
    let_go_ = true;
    for (const Change& change : changes_)
        parts_.populated.discard(*change.block, change.range, parts_.source);
    TRY(set_attributes());
    return drop_other_side();
}

// Devices start last: when everything is in place.
Status ConversionJob::run_to_shared() {
    TRY(set_attributes());
    TRY(drop_other_side());
    TRY(populate_changes());
    publish(Visibility::Shared);
    return {};
}

Status ConversionJob::set_attributes() {
    for (; steps_done_ < steps_.size(); ++steps_done_)
        TRY(set_retrying(steps_[steps_done_], plan_.to));
    return {};
}

Status ConversionJob::drop_other_side() {
    if (!parts_.model.keeps_other_side()) return {};
    for (const Stretch& stretch : plan_.stretches)
        for (const RamPiece& piece : stretch.pieces)
            for (RamRange range : piece.discards)
                TRY(drop_retrying(*piece.block, range, opposite(plan_.to)));
    return {};
}

Status ConversionJob::populate_changes() {
    for (; populated_ < changes_.size(); ++populated_) {
        const Change& change = changes_[populated_];
        TRY(parts_.populated.populate(*change.block, change.range, parts_.source));
    }
    return {};
}

Status ConversionJob::take_back() {
    for (size_t i = populated_; i-- > 0;)
        parts_.populated.discard(*changes_[i].block, changes_[i].range, parts_.source);
    Status taken_back;
    for (size_t i = steps_done_; i-- > 0;) {
        for (const VisibilityModel::Step& step : parts_.model.reverse(steps_[i])) {
            Status set = set_retrying(step, opposite(plan_.to));
            if (!set && taken_back) taken_back = std::move(set);
        }
    }
    if (!taken_back) {
        publish_what_the_kernel_has();
        return taken_back;
    }
    if (steps_done_ != 0) drop_wanted_side();
    if (!let_go_) return {};
    publish(Visibility::Shared);
    return populate_changes();
}

// A vCPU may have touched the new side before the attributes were set back. What stays is memory that the
// guest cannot see, so a failure here changes nothing else.
void ConversionJob::drop_wanted_side() {
    if (!parts_.model.keeps_other_side()) return;
    for (const Change& change : changes_) {
        if (plan_.to == Visibility::Private || change.block->page_size() == kPageSize) {
            (void)drop_retrying(*change.block, change.range, plan_.to);
            continue;
        }
        for (RamRange range : wholly_private_host_pages(*change.block, change.range, {}))
            (void)drop_retrying(*change.block, range, plan_.to);
    }
}

Status ConversionJob::set_retrying(const VisibilityModel::Step& step, Visibility to) {
    parts_.stats.note_attribute_call();
    return repeat(parts_.retry, parts_.stats, [&] { return parts_.model.set(step, to); });
}

Status ConversionJob::drop_retrying(RamBlock& block, RamRange range, Visibility side) {
    parts_.stats.note_discard_call(range.size());
    return repeat(parts_.retry, parts_.stats, [&] {
        return side == Visibility::Private ? parts_.dropper.drop_private(block, range)
                                           : parts_.dropper.drop_shared(block, range);
    });
}

void ConversionJob::publish(Visibility visibility) {
    for (const Change& change : changes_)
        change.block->visibility().set(change.range, visibility);
    if (visibility == Visibility::Shared) return;
    for (const Stretch& stretch : plan_.stretches)
        for (const RamPiece& piece : stretch.pieces)
            piece.block->wait_for_users();
}

void ConversionJob::publish_what_the_kernel_has() {
    for (const Stretch& stretch : plan_.stretches) {
        for (const RamPiece& piece : stretch.pieces) {
            parts_.model.visit(piece, [&](RamRange run, Visibility visibility) {
                piece.block->visibility().set(run, visibility);
            });
        }
    }
}

}  // namespace vmm
