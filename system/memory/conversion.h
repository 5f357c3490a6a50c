// The conversion engine: turns ranges of guest-physical memory private or shared, for the vCPUs that were
// asked to by their guest. One call converts one range, over any number of memory slots, RAM blocks and
// holes, and is atomic as seen from outside: overlapping calls wait for each other, disjoint ones run in
// parallel; it happens as a whole, or is taken back and reported. It also owns every discard of guest RAM.
//
// Order (docs/confidential/conversion.md says why):
//     to private: visibility map -> listeners let go -> attributes -> free the shared pages -> pre-fault
//     to shared:  attributes -> free the private pages -> listeners take up -> visibility map
//
// Called without any lock held; may block for as long as the kernel takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "system/memory/address_space.h"
#include "system/memory/attributes.h"
#include "system/memory/conversion_plan.h"
#include "system/memory/conversion_stats.h"
#include "system/memory/listener.h"
#include "system/memory/populated.h"
#include "system/memory/range_lock.h"
#include "system/memory/visibility_model.h"
#include "util/align.h"
#include "util/result.h"

namespace vmm {

struct ConversionResult {
    ConversionOutcome outcome = ConversionOutcome::Done;
    uint64_t bytes_changed = 0;
    std::optional<Error> error{};  // unless Done
};

enum class Prefault { No, Yes };

// How long a call that fails with EAGAIN or EINTR is repeated.
struct RetryPolicy {
    unsigned attempts = 64;
    unsigned pause_us = 50;  // before the first repeat; grows by as much with each
};

// Frees host memory; a seam so that tests can fail it.
class PageDropper {
  public:
    virtual ~PageDropper() = default;
    virtual Status drop_shared(RamBlock& block, RamRange range);
    virtual Status drop_private(RamBlock& block, RamRange range);
};

// A run of the private/shared map.
struct MapRun {
    GpaRange gpa;
    RamBlock* block;
    RamOffset offset;
    Visibility visibility;
};

// What was asked for and did not come about.
struct FailedConversion {
    GpaRange range;
    Visibility to;
    ConversionOutcome outcome;
    const Error& why;
};

class ConversionJob;

class ConversionEngine final : private MemoryListener, private PopulatedSource {
  public:
    struct Config {
        RetryPolicy retry;
        PageDropper* dropper = nullptr;  // null: the kernel's own calls
    };
    // All outlive the engine. It hears of RAM that comes and goes, and sees to it that the kernel's
    // attributes agree with the blocks' visibility, and are shared where RAM that was private has gone;
    // whether that worked is sync_status().
    ConversionEngine(AddressSpace& memory, AttributeSink& sink, VisibilityModel& model, Config config);
    ConversionEngine(AddressSpace& memory, AttributeSink& sink, VisibilityModel& model)
        : ConversionEngine(memory, sink, model, Config()) {}
    ~ConversionEngine() override;
    ConversionEngine(const ConversionEngine&) = delete;
    ConversionEngine& operator=(const ConversionEngine&) = delete;

    // A vCPU thread's call. To-shared of what is no private memory is accepted and does nothing there.
    ConversionResult convert(GpaRange range, Visibility to, Prefault prefault = Prefault::No);

    // Every block back to its initial visibility, opposite sides freed; vCPUs are paused. A block that fails
    // stays as it was; the first error is given.
    Status reset();
    // A block that is mapped no more: every page back to its initial visibility; it may end afterwards.
    Status release(RamBlock& block);
    // The VM was rebuilt and knows no attributes: tells them all again.
    Status kernel_forgot();
    // The first failure to bring the kernel's attributes in line when RAM came or went; reading clears it.
    Status sync_status();

    // Frees both sides of a page-aligned part of a block (balloon, virtio-mem); private stays private.
    Status discard(RamBlock& block, RamRange range);

    // The listener is told of what is populated now, then of every change. Main thread.
    Status add_discard_listener(DiscardListener& listener);
    void remove_discard_listener(DiscardListener& listener);
    void add_populated_source(const PopulatedSource& source);
    void remove_populated_source(const PopulatedSource& source);

    // The private/shared map from an address on, at most `limit` runs; blocks without a private side are left
    // out. The next page starts after the last run.
    std::vector<MapRun> map(Gpa from, size_t limit) const;
    // Bytes with a page on both sides, over all mapped RAM: 0 at rest. Empty when the host cannot tell.
    std::optional<uint64_t> both_bytes() const;
    // Bytes that are private or shared, of RAM that can be either.
    uint64_t bytes(Visibility visibility) const;
    // Bytes of host memory on that side of RAM that can be either. Empty when the host cannot tell.
    std::optional<uint64_t> resident_bytes(Visibility side) const;
    const ConversionStats& stats() const { return stats_; }
    // Told of each conversion that convert() did not do, on its thread, with no lock held. Before the first.
    void set_failure_watcher(std::function<void(const FailedConversion&)> watcher) {
        failure_watcher_ = std::move(watcher);
    }

  private:
    // MemoryListener: from begin to commit no conversion runs.
    void begin() override;
    void section_removed(const FlatSection& section) override;
    void section_added(const FlatSection& section) override;
    void commit(const FlatView& view) override;
    int priority() const override { return 10; }  // after the memory slots
    // PopulatedSource: what is shared is populated.
    void visit_populated(const RamBlock& block, RamRange range,
                         const std::function<void(RamRange)>& visit) const override;

    uint64_t acquire_reach(GpaRange range);
    ConversionResult convert_any(const FlatView& view, GpaRange range, Visibility to, Prefault prefault,
                                 ConversionCalls& calls);
    // A request for one piece, and its bits in the block's and the model's maps where they are in one place.
    struct UsualPiece {
        RamPiece piece;
        PageMap::Spot visibility, kernel;

        bool is_all(Visibility v) const;
        void set(Visibility v) const;
    };
    std::optional<UsualPiece> usual_piece(GpaRange range, Visibility to) const;
    const RamPiece* stretch_with(GpaRange range) const;
    const RamPiece* other_stretch_with(GpaRange range) const;
    void find_stretches();
    Status set_in_kernel(const UsualPiece& usual, Visibility to);
    ConversionResult convert_usual(const UsualPiece& usual, Visibility to, Prefault prefault,
                                   ConversionCalls& calls);
    ConversionResult convert_planned(const ConversionPlan& plan, Prefault prefault, ConversionCalls& calls);
    ConversionResult conclude(const ConversionPlan& plan, ConversionJob& job, Status done, Prefault prefault);
    void note(const ConversionCalls& calls);
    Status sync_section(const FlatSection& section);
    Status sync_outside(GpaRange range);
    Status sync(const VisibilityModel::SyncStep& step);
    void keep_first(Status synced);
    Status reset_block(const FlatView& view, RamBlock& block);
    Status reset_hidden(RamBlock& block, const VisibilityRun& run);

    AddressSpace& memory_;
    AttributeSink& sink_;
    VisibilityModel& model_;
    const PageMap* const kernel_map_;  // the model's; null: only the model knows
    const bool has_private_memory_;
    const bool keeps_other_side_;
    PageDropper default_dropper_;
    const Config config_;
    PageDropper& dropper_;
    std::function<void(const FailedConversion&)> failure_watcher_;
    RangeLock ranges_;
    Populated populated_;  // changed only with the whole space locked
    ConversionStats stats_{ranges_.mutex()};
    uint64_t commit_ticket_ = 0;  // of the range lock, from begin to commit
    std::vector<GpaRange> left_;  // by sections that could be private, until the commit
    // Changed by commits, that is with the whole space locked; read with any range locked.
    FlatViewPtr view_;
    // The view's sections that usual requests are for; the largest is found without a look at the heap.
    std::vector<RamPiece> stretches_;
    std::optional<RamPiece> largest_stretch_;
    std::atomic<uint64_t> largest_page_{kPageSize};  // of all blocks; read without any lock first
    mutable Mutex mutex_{LockRank::Leaf, "conversion engine"};
    std::vector<RamBlock*> blocks_ GUARDED_BY(mutex_);  // with a private side, ever mapped
    std::optional<Error> sync_error_ GUARDED_BY(mutex_);
};

}  // namespace vmm
