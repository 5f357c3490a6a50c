// Carrying out a conversion and taking it back; see conversion_job_priv.h.
#include <cerrno>
#include <chrono>
#include <thread>

#include "system/memory/conversion_job_priv.h"
#include "system/memory/ram_block.h"
#include "util/align.h"

namespace vmm {

// `done`: what the first try gave.
template <typename Try>
Status ConversionJob::repeat(Status done, Try try_again) {
    const RetryPolicy& policy = parts_.retry;
    for (unsigned attempt = 1; !done && attempt < policy.attempts; ++attempt) {
        int number = done.error().number();
        if (number != EAGAIN && number != EINTR) break;
        ++parts_.calls.retries;
        if (policy.pause_us != 0)
            std::this_thread::sleep_for(std::chrono::microseconds(policy.pause_us * attempt));
        done = try_again();
    }
    return done;
}

Status ConversionJob::run() {
    parts_.model.steps(plan_, steps_);
    return plan_.to == Visibility::Private ? run_to_private() : run_to_shared();
}

Status ConversionJob::go_on(Call failed, Status first_try) {
    const RamPiece& change = plan_.changes[0];
    steps_.before.push_back(change);
    steps_.list.push_back({change, 0, 1});
    let_go_ = plan_.to == Visibility::Private;
    if (failed == Call::Attributes)
        TRY(repeat(std::move(first_try), [&] { return parts_.model.set(change, plan_.to); }));
    steps_done_ = 1;
    if (failed == Call::Attributes)
        TRY(drop_other_side());
    else
        TRY(repeat(std::move(first_try),
                   [&] { return drop_once(*change.block, change.ram(), opposite(plan_.to)); }));
    if (plan_.to == Visibility::Shared) publish(Visibility::Shared);
    return {};
}

// Devices stop first: what they may use goes away.
Status ConversionJob::run_to_private() {
    publish(Visibility::Private);
    let_go_ = true;
    for (const RamPiece& change : plan_.changes)
        parts_.populated.discard(*change.block, change.ram(), parts_.source);
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
    for (; steps_done_ < steps_.list.size(); ++steps_done_)
        TRY(set_retrying(steps_.list[steps_done_].what, plan_.to));
    return {};
}

Status ConversionJob::drop_other_side() {
    if (!parts_.model.keeps_other_side()) return {};
    for (const PlannedDiscard& discard : plan_.discards)
        TRY(drop_retrying(*discard.block, discard.ram, opposite(plan_.to)));
    return {};
}

Status ConversionJob::populate_changes() {
    for (; populated_ < plan_.changes.size(); ++populated_) {
        const RamPiece& change = plan_.changes[populated_];
        TRY(parts_.populated.populate(*change.block, change.ram(), parts_.source));
    }
    return {};
}

Status ConversionJob::take_back() {
    for (size_t i = populated_; i-- > 0;)
        parts_.populated.discard(*plan_.changes[i].block, plan_.changes[i].ram(), parts_.source);
    Status taken_back;
    for (size_t i = steps_done_; i-- > 0;) {
        Status set = set_back(steps_.list[i]);
        if (!set && taken_back) taken_back = std::move(set);
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

// Goes on after a failure: the more is as it was, the better.
Status ConversionJob::set_back(const VisibilityModel::Step& step) {
    Status first;
    for (size_t i = step.before_begin; i < step.before_end; ++i) {
        Status set = set_retrying(steps_.before[i], opposite(plan_.to));
        if (!set && first) first = std::move(set);
    }
    return first;
}

// A vCPU may have touched the new side before the attributes were set back. What stays is memory that the
// guest cannot see, so a failure here changes nothing else.
void ConversionJob::drop_wanted_side() {
    if (!parts_.model.keeps_other_side()) return;
    SmallVector<PlannedDiscard, 4> gone;
    for (const RamPiece& change : plan_.changes) {
        if (plan_.to == Visibility::Private || change.block->page_size() == kPageSize)
            gone.push_back({change.block, change.ram()});
        else
            add_wholly_private_host_pages(*change.block, change.ram(), plan_, plan_.changes.size(), gone);
    }
    for (const PlannedDiscard& discard : gone)
        (void)drop_retrying(*discard.block, discard.ram, plan_.to);
}

Status ConversionJob::set_retrying(const RamPiece& what, Visibility to) {
    ++parts_.calls.attribute;
    auto set = [&] { return parts_.model.set(what, to); };
    return repeat(set(), set);
}

Status ConversionJob::drop_retrying(RamBlock& block, RamRange range, Visibility side) {
    ++parts_.calls.discard;
    parts_.calls.discarded_bytes += range.size();
    auto drop = [&] { return drop_once(block, range, side); };
    return repeat(drop(), drop);
}

Status ConversionJob::drop_once(RamBlock& block, RamRange range, Visibility side) {
    return side == Visibility::Private ? parts_.dropper.drop_private(block, range)
                                       : parts_.dropper.drop_shared(block, range);
}

void ConversionJob::publish(Visibility visibility) {
    for (const RamPiece& change : plan_.changes)
        change.block->visibility().set(change.ram(), visibility);
    if (visibility == Visibility::Shared) return;
    for (const RamPiece& piece : plan_.pieces)
        piece.block->wait_for_users();
}

void ConversionJob::publish_what_the_kernel_has() {
    for (const RamPiece& piece : plan_.pieces) {
        parts_.model.visit(piece, [&](RamRange run, Visibility visibility) {
            piece.block->visibility().set(run, visibility);
        });
    }
}

}  // namespace vmm
