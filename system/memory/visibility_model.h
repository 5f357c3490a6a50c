// How a kernel keeps "private" and "shared", and what becomes of the other side: the part of a conversion
// that differs between kernel models. VmWideAttributes is the one of Linux 6.8 and later: attributes of
// guest-physical ranges in the VM, two memories side by side. In-place conversion (attributes of each
// guest_memfd, one memory that changes sides) is a second model behind the same calls.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "system/memory/attribute_sink.h"
#include "system/memory/conversion_plan.h"
#include "system/memory/page_map.h"

namespace vmm {

class VisibilityModel {
  public:
    virtual ~VisibilityModel() = default;
    // One call to the kernel: what it covers (the block is null where there is no RAM, or where the model
    // goes by address), and which runs of that had the opposite visibility, as [before_begin, before_end) of
    // Steps.
    struct Step {
        RamPiece what;
        size_t before_begin;
        size_t before_end;
    };
    struct Steps {
        SmallVector<Step, 4> list;
        SmallVector<RamPiece, 4> before;
    };
    // The fewest calls that give every piece of the plan, and every left-over attribute in the plan's range,
    // the wanted visibility; none where nothing is to change.
    virtual void steps(const ConversionPlan& plan, Steps& steps) const = 0;
    // Whether the kernel holds all of a piece as `visibility`.
    virtual bool is_all(const RamPiece& piece, Visibility visibility) const = 0;
    // All or nothing; the errno is in the error. To take a step back, its runs are set one by one.
    virtual Status set(const RamPiece& what, Visibility to) = 0;
    // Of a model where set() is nothing but a call of the sink and a change here, by address, and is_all()
    // looks here: callers in a hurry may do so themselves. Else null.
    virtual const PageMap* plain_map() const { return nullptr; }
    // What the kernel holds for a piece, by run; equal to the block's visibility map at rest.
    virtual void visit(const RamPiece& piece,
                       const std::function<void(RamRange, Visibility)>& visit) const = 0;
    // Whether the other side keeps its pages after a conversion, so that they must be freed.
    virtual bool keeps_other_side() const = 0;
    // RAM has come to be at an address: the calls that make the kernel agree with its visibility map.
    struct SyncStep {
        RamPiece what;
        Visibility to;
    };
    virtual std::vector<SyncStep> sync(const RamPiece& piece) const = 0;
    // RAM has gone from whole pages, and nothing is there that can be private: the call that makes the kernel
    // agree, if it takes one. Until then it would refuse every access, to ROM and devices as well.
    virtual std::optional<SyncStep> sync_outside(GpaRange range) const = 0;
    // The kernel's state is new (the VM was rebuilt): everything is as a new VM has it.
    virtual void forget() = 0;
};

// Attributes in the VM, by guest-physical address; they outlive memory slots, and count where there is none.
// Thread-safe; the caller keeps
// overlapping steps apart.
class VmWideAttributes final : public VisibilityModel {
  public:
    // The sink outlives this.
    explicit VmWideAttributes(AttributeSink& sink) : sink_(sink) {}

    void steps(const ConversionPlan& plan, Steps& steps) const override;
    bool is_all(const RamPiece& piece, Visibility visibility) const override;
    Status set(const RamPiece& what, Visibility to) override;
    const PageMap* plain_map() const override { return &kernel_; }
    void visit(const RamPiece& piece, const std::function<void(RamRange, Visibility)>& visit) const override;
    bool keeps_other_side() const override { return true; }
    std::vector<SyncStep> sync(const RamPiece& piece) const override;
    std::optional<SyncStep> sync_outside(GpaRange range) const override;
    void forget() override;

  private:
    // Calls visit(run) for each run of the range that is `visibility`.
    template <typename Visit>
    void visit_runs(GpaRange range, Visibility visibility, Visit visit) const;
    // From the first to the last run of the range that is not `visibility`.
    std::optional<SyncStep> one_step(GpaRange range, Visibility visibility) const;

    AttributeSink& sink_;
    PageMap kernel_{Visibility::Shared};
};

}  // namespace vmm
