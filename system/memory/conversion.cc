// The conversion engine; see conversion.h.
#include "system/memory/conversion.h"

#include <algorithm>
#include <utility>

#include "system/memory/conversion_job_priv.h"
#include "system/memory/convertible_priv.h"
#include "system/memory/trace.h"
#include "util/align.h"
#include "util/check.h"

namespace vmm {

namespace {

using ull = unsigned long long;

// What a conversion may touch: freeing a huge page depends on all of it, and it may start before and end
// after the range.
GpaRange reach_of(GpaRange range, uint64_t largest_page) {
    if (largest_page == kPageSize) return range;
    const uint64_t below = std::min(largest_page - 1, range.first().raw());
    const uint64_t above = std::min(largest_page - 1, ~range.last().raw());
    return GpaRange::between(range.first() - below, range.last() + above);
}

ConversionResult failed(ConversionOutcome outcome, Error error, GpaRange range, Visibility to) {
    return {outcome, 0,
            std::move(error).while_doing("converting 0x%llx bytes at 0x%llx to %s",
                                         static_cast<ull>(range.size()),
                                         static_cast<ull>(range.first().raw()), visibility_name(to))};
}

}  // namespace

[[gnu::hot]] Status PageDropper::drop_shared(RamBlock& block, RamRange range) {
    return block.discard_shared(range);
}
[[gnu::hot]] Status PageDropper::drop_private(RamBlock& block, RamRange range) {
    return block.discard_private(range);
}

ConversionEngine::ConversionEngine(AddressSpace& memory, AttributeSink& sink, VisibilityModel& model,
                                   Config config)
    : memory_(memory),
      sink_(sink),
      model_(model),
      kernel_map_(model.plain_map()),
      has_private_memory_(sink.has_private_memory()),
      keeps_other_side_(model.keeps_other_side()),
      config_(config),
      dropper_(config.dropper != nullptr ? *config.dropper : default_dropper_) {
    populated_.add_source(*this);
    memory_.add_listener(*this);
}

ConversionEngine::~ConversionEngine() {
    memory_.remove_listener(*this, AddressSpace::Farewell::Silent);
}

ConversionResult ConversionEngine::convert_any(const FlatView& view, GpaRange range, Visibility to,
                                               Prefault prefault, ConversionCalls& calls) {
    if (!has_private_memory_ && to == Visibility::Private)
        return failed(ConversionOutcome::GuestRefused, Error::make("this VM has no private memory"), range,
                      to);
    ConversionPlan plan(range, to);
    std::optional<Refusal> refusal = plan_conversion(view, plan);
    if (refusal)
        return failed(ConversionOutcome::GuestRefused, Error::make("%s", refusal->why.c_str()), range, to);
    return convert_planned(plan, prefault, calls);
}

ConversionResult ConversionEngine::convert_planned(const ConversionPlan& plan, Prefault prefault,
                                                   ConversionCalls& calls) {
    trace_convert_plan(plan.range.first().raw(), plan.range.size(), visibility_name(plan.to),
                       plan.pieces.size());
    ConversionJob job(plan, {model_, dropper_, populated_, *this, calls, config_.retry});
    Status done = job.run();
    return conclude(plan, job, std::move(done), prefault);
}

ConversionResult ConversionEngine::conclude(const ConversionPlan& plan, ConversionJob& job, Status done,
                                            Prefault prefault) {
    if (done) {
        if (prefault == Prefault::Yes && plan.to == Visibility::Private && plan.bytes_changed != 0)
            sink_.prefault(plan.range);
        return {ConversionOutcome::Done, plan.bytes_changed, std::nullopt};
    }
    trace_convert_undo(plan.range.first().raw(), plan.range.size(), done.error().text().c_str());
    Status taken_back = job.take_back();
    if (taken_back)
        return failed(ConversionOutcome::HostFailed, std::move(done).take_error(), plan.range, plan.to);
    Error both = Error::make("%s; taking it back failed too: %s", done.error().text().c_str(),
                             taken_back.error().text().c_str());
    return failed(ConversionOutcome::Inconsistent, std::move(both), plan.range, plan.to);
}

[[gnu::always_inline]] inline bool ConversionEngine::UsualPiece::is_all(Visibility v) const {
    return visibility ? visibility.is_all(v) : piece.block->visibility().is_all(piece.ram(), v);
}
[[gnu::always_inline]] inline void ConversionEngine::UsualPiece::set(Visibility v) const {
    if (visibility) [[likely]]
        visibility.set(v);
    else
        piece.block->visibility().set(piece.ram(), v);
}

// Nearly every request: within one section and one RAM block of small pages, all of it still on the other
// side, and no device to tell.
[[gnu::always_inline]] inline std::optional<ConversionEngine::UsualPiece> ConversionEngine::usual_piece(
    GpaRange range, Visibility to) const {
    if (!range.aligned(kPageSize) || populated_.has_listeners()) return std::nullopt;
    const RamPiece* const stretch = stretch_with(range);
    if (stretch == nullptr) return std::nullopt;
    const RamOffset first = stretch->ram_first + (range.first() - stretch->gpa.first());
    UsualPiece usual{{range, stretch->block, first}, {}, {}};
    usual.visibility = stretch->block->visibility().spot(usual.piece.ram());
    if (kernel_map_ != nullptr) [[likely]]
        usual.kernel = kernel_map_->spot(range.first().raw(), range.last().raw());
    if (!usual.is_all(opposite(to))) return std::nullopt;
    if (!(usual.kernel ? usual.kernel.is_all(opposite(to)) : model_.is_all(usual.piece, opposite(to))))
        return std::nullopt;
    return usual;
}

[[gnu::always_inline]] inline const RamPiece* ConversionEngine::stretch_with(GpaRange range) const {
    if (largest_stretch_ && largest_stretch_->gpa.contains(range)) [[likely]]
        return &*largest_stretch_;
    return other_stretch_with(range);
}

const RamPiece* ConversionEngine::other_stretch_with(GpaRange range) const {
    auto found = std::find_if(stretches_.begin(), stretches_.end(),
                              [range](const RamPiece& s) { return s.gpa.contains(range); });
    return found != stretches_.end() ? &*found : nullptr;
}

[[gnu::always_inline]] inline Status ConversionEngine::set_in_kernel(const UsualPiece& usual, Visibility to) {
    if (!usual.kernel) [[unlikely]]
        return model_.set(usual.piece, to);
    Status done = sink_.set_visibility(usual.piece.gpa, to);
    if (done) [[likely]]
        usual.kernel.set(to);
    return done;
}

// The steps of a ConversionJob without a plan. When the first try of a call fails, a job goes on from there.
[[gnu::always_inline]] inline ConversionResult ConversionEngine::convert_usual(const UsualPiece& usual,
                                                                               Visibility to,
                                                                               Prefault prefault,
                                                                               ConversionCalls& calls) {
    const RamPiece& piece = usual.piece;
    trace_convert_plan(piece.gpa.first().raw(), piece.gpa.size(), visibility_name(to), 1);
    RamBlock& block = *piece.block;
    if (to == Visibility::Private) {
        usual.set(Visibility::Private);
        block.wait_for_users();
    }
    auto failed_call = ConversionJob::Call::Attributes;
    ++calls.attribute;
    Status tried = set_in_kernel(usual, to);
    if (tried && keeps_other_side_) {
        failed_call = ConversionJob::Call::Discard;
        ++calls.discard;
        calls.discarded_bytes += piece.gpa.size();
        tried = to == Visibility::Private ? dropper_.drop_shared(block, piece.ram())
                                          : dropper_.drop_private(block, piece.ram());
    }
    if (!tried) [[unlikely]] {
        ConversionPlan plan(piece.gpa, to);
        plan.add_only(piece);
        ConversionJob job(plan, {model_, dropper_, populated_, *this, calls, config_.retry});
        Status done = job.go_on(failed_call, std::move(tried));
        return conclude(plan, job, std::move(done), prefault);
    }
    if (to == Visibility::Shared) usual.set(Visibility::Shared);
    if (prefault == Prefault::Yes && to == Visibility::Private) sink_.prefault(piece.gpa);
    return {ConversionOutcome::Done, piece.gpa.size(), std::nullopt};
}

// Of what the range touches. From here to its release neither the view nor the largest page changes.
inline uint64_t ConversionEngine::acquire_reach(GpaRange range) {
    while (true) {
        const uint64_t page = largest_page_.load(std::memory_order_relaxed);
        const uint64_t ticket = ranges_.acquire(reach_of(range, page));
        if (largest_page_.load(std::memory_order_relaxed) == page) return ticket;
        ranges_.release(ticket);
    }
}

[[gnu::hot]] ConversionResult ConversionEngine::convert(GpaRange range, Visibility to, Prefault prefault) {
    check_no_locks_held("converting memory");
    const uint64_t start = ConversionStats::ticks();
    ConversionCalls calls;
    const uint64_t ticket = acquire_reach(range);
    const std::optional<UsualPiece> usual = usual_piece(range, to);
    ConversionResult result =
        usual ? convert_usual(*usual, to, prefault, calls) : convert_any(*view_, range, to, prefault, calls);
    const uint64_t taken = ConversionStats::ticks() - start;
    ranges_.release(ticket, [&] {
        stats_.note({start, taken, range, to, result.outcome, result.bytes_changed}, calls);
    });
    if (result.error && failure_watcher_) [[unlikely]]
        failure_watcher_({range, to, result.outcome, *result.error});
    return result;
}

void ConversionEngine::note(const ConversionCalls& calls) {
    LockedBriefly lock(ranges_.mutex());
    stats_.note(calls);
}

Status ConversionEngine::reset() {
    check_no_locks_held("resetting memory");
    std::vector<RamBlock*> blocks;
    {
        Locked lock(mutex_);
        blocks = blocks_;
    }
    RangeLock::Held held(ranges_, kWholeSpace);
    Status first;
    for (RamBlock* block : blocks) {
        Status done = reset_block(*view_, *block);
        if (!done && first) first = std::move(done);
    }
    return first;
}

Status ConversionEngine::release(RamBlock& block) {
    check_no_locks_held("letting memory go");
    RangeLock::Held held(ranges_, kWholeSpace);
    {
        Locked lock(mutex_);
        if (std::erase(blocks_, &block) == 0) return {};
    }
    return reset_block(*view_, block);
}

Status ConversionEngine::reset_block(const FlatView& view, RamBlock& block) {
    const Visibility initial = block.initial_visibility();
    for (const FlatSection& s : view.sections()) {
        const std::optional<RamPiece> piece = s.ram == &block ? private_piece(s) : std::nullopt;
        if (!piece) continue;
        ConversionCalls calls;
        ConversionResult result = convert_any(view, piece->gpa, initial, Prefault::No, calls);
        note(calls);
        if (result.outcome != ConversionOutcome::Done) return std::move(*result.error);
    }
    for (const VisibilityRun& run : block.visibility().runs(block.whole()))
        if (run.visibility != initial) TRY(reset_hidden(block, run));
    return {};
}

// A part that no address shows at present: there is nothing to tell the kernel until it is mapped.
Status ConversionEngine::reset_hidden(RamBlock& block, const VisibilityRun& run) {
    if (run.visibility == Visibility::Private) {
        TRY(dropper_.drop_private(block, run.range));
        TRY(populated_.populate(block, run.range, *this));
        block.visibility().set(run.range, Visibility::Shared);
        return {};
    }
    block.visibility().set(run.range, Visibility::Private);
    block.wait_for_users();
    populated_.discard(block, run.range, *this);
    if (block.page_size() == kPageSize) return dropper_.drop_shared(block, run.range);
    const ConversionPlan nothing(kWholeSpace, Visibility::Private);
    SmallVector<PlannedDiscard, 4> gone;
    add_wholly_private_host_pages(block, run.range, nothing, 0, gone);
    for (const PlannedDiscard& discard : gone)
        TRY(dropper_.drop_shared(block, discard.ram));
    return {};
}

Status ConversionEngine::discard(RamBlock& block, RamRange range) {
    check_no_locks_held("discarding memory");
    RangeLock::Held held(ranges_, kWholeSpace);
    TRY(dropper_.drop_shared(block, range));
    return dropper_.drop_private(block, range);
}

Status ConversionEngine::add_discard_listener(DiscardListener& listener) {
    RangeLock::Held held(ranges_, kWholeSpace);
    std::vector<RamBlock*> blocks;
    {
        Locked lock(mutex_);
        blocks = blocks_;
    }
    std::vector<std::pair<RamBlock*, RamRange>> told;
    for (RamBlock* block : blocks) {
        for (RamRange run : populated_.runs(*block, block->whole())) {
            Status taken = listener.on_populate(*block, run);
            if (!taken) {
                for (auto at = told.rbegin(); at != told.rend(); ++at)
                    listener.on_discard(*at->first, at->second);
                return taken;
            }
            told.emplace_back(block, run);
        }
    }
    populated_.add_listener(listener);
    return {};
}

void ConversionEngine::remove_discard_listener(DiscardListener& listener) {
    RangeLock::Held held(ranges_, kWholeSpace);
    populated_.remove_listener(listener);
}
void ConversionEngine::add_populated_source(const PopulatedSource& source) {
    RangeLock::Held held(ranges_, kWholeSpace);
    populated_.add_source(source);
}
void ConversionEngine::remove_populated_source(const PopulatedSource& source) {
    RangeLock::Held held(ranges_, kWholeSpace);
    populated_.remove_source(source);
}

void ConversionEngine::visit_populated(const RamBlock& block, RamRange range,
                                       const std::function<void(RamRange)>& visit) const {
    for (const VisibilityRun& run : block.visibility().runs(range))
        if (run.visibility == Visibility::Shared) visit(run.range);
}

std::vector<MapRun> ConversionEngine::map(Gpa from, size_t limit) const {
    std::vector<MapRun> found;
    FlatViewPtr view = memory_.view();
    for (const FlatSection& s : view->sections()) {
        const std::optional<RamPiece> piece = private_piece(s);
        if (!piece || piece->gpa.last() < from) continue;
        Gpa first = std::max(from, piece->gpa.first());
        RamRange ram =
            RamRange::of(piece->ram_first + (first - piece->gpa.first()), piece->gpa.last() - first + 1);
        for (const VisibilityRun& run : s.ram->visibility().runs(ram, limit - found.size()))
            found.push_back({GpaRange::of(first + (run.range.first() - ram.first()), run.range.size()), s.ram,
                             run.range.first(), run.visibility});
        if (found.size() >= limit) break;
    }
    return found;
}

std::optional<uint64_t> ConversionEngine::both_bytes() const {
    uint64_t sum = 0;
    FlatViewPtr view = memory_.view();
    for (const FlatSection& s : view->sections()) {
        const std::optional<RamPiece> piece = private_piece(s);
        if (!piece) continue;
        std::optional<uint64_t> here = s.ram->resident_on_both_sides(piece->ram());
        if (!here) return std::nullopt;
        sum += *here;
    }
    return sum;
}

std::optional<uint64_t> ConversionEngine::resident_bytes(Visibility side) const {
    uint64_t sum = 0;
    FlatViewPtr view = memory_.view();
    for (const FlatSection& s : view->sections()) {
        const std::optional<RamPiece> piece = private_piece(s);
        if (!piece) continue;
        const RamRange range = piece->ram();
        std::optional<uint64_t> here =
            side == Visibility::Private ? s.ram->resident_private(range) : s.ram->resident_shared(range);
        if (!here) return std::nullopt;
        sum += *here;
    }
    return sum;
}

uint64_t ConversionEngine::bytes(Visibility visibility) const {
    uint64_t sum = 0;
    FlatViewPtr view = memory_.view();
    for (const FlatSection& s : view->sections())
        if (const std::optional<RamPiece> piece = private_piece(s))
            sum += s.ram->visibility().bytes(piece->ram(), visibility);
    return sum;
}

}  // namespace vmm
