// How a kernel keeps "private" and "shared", and what becomes of the other side: the part of a conversion
// that differs between kernel models. VmWideAttributes is the one of Linux 6.8 and later: attributes of
// guest-physical ranges in the VM, two memories side by side. In-place conversion (attributes of each
// guest_memfd, one memory that changes sides) is a second model behind the same calls.
#pragma once

#include <functional>
#include <vector>

#include "system/memory/attribute_sink.h"
#include "system/memory/conversion_plan.h"
#include "system/memory/page_map.h"
#include "util/mutex.h"

namespace vmm {

class VisibilityModel {
  public:
    virtual ~VisibilityModel() = default;
    // One call to the kernel, and what it replaces.
    struct Step {
        GpaRange gpa;
        RamBlock* block = nullptr;       // models that go by guest_memfd
        RamOffset ram = RamOffset(0);    // of gpa.first() in block
        std::vector<GpaRange> before{};  // the runs within gpa that had the opposite visibility
    };
    // The fewest calls that give every piece of the plan, and every left-over attribute in the plan's range,
    // the wanted visibility; none where nothing is to change.
    virtual std::vector<Step> steps(const ConversionPlan& plan) const = 0;
    // All or nothing; the errno is in the error.
    virtual Status set(const Step& step, Visibility to) = 0;
    // The calls that take a step back: one for each run of `before`.
    virtual std::vector<Step> reverse(const Step& step) const = 0;
    // What the kernel holds for a piece, by run; equal to the block's visibility map at rest.
    virtual void visit(const RamPiece& piece,
                       const std::function<void(RamRange, Visibility)>& visit) const = 0;
    // Whether the other side keeps its pages after a conversion, so that they must be freed.
    virtual bool keeps_other_side() const = 0;
    // RAM has come to be at an address: the calls that make the kernel agree with its visibility map.
    struct SyncStep {
        Step step;
        Visibility to;
    };
    virtual std::vector<SyncStep> sync(const RamPiece& piece) const = 0;
    // The kernel's state is new (the VM was rebuilt): everything is as a new VM has it.
    virtual void forget() = 0;
};

// Attributes in the VM, by guest-physical address; they outlive memory slots. Thread-safe; the caller keeps
// overlapping steps apart.
class VmWideAttributes final : public VisibilityModel {
  public:
    // The sink outlives this.
    explicit VmWideAttributes(AttributeSink& sink) : sink_(sink) {}

    std::vector<Step> steps(const ConversionPlan& plan) const override;
    Status set(const Step& step, Visibility to) override;
    std::vector<Step> reverse(const Step& step) const override;
    void visit(const RamPiece& piece, const std::function<void(RamRange, Visibility)>& visit) const override;
    bool keeps_other_side() const override { return true; }
    std::vector<SyncStep> sync(const RamPiece& piece) const override;
    void forget() override;

  private:
    bool is_all(GpaRange range, Visibility visibility) const;
    std::vector<GpaRange> runs_of(GpaRange range, Visibility visibility) const;

    AttributeSink& sink_;
    mutable Mutex mutex_{LockRank::Leaf, "kernel attributes"};
    PageMap kernel_ GUARDED_BY(mutex_){Visibility::Shared};
};

}  // namespace vmm
