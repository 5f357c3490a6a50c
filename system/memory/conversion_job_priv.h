// One conversion while it runs: carries out a plan step by step, and takes back what it did when a step
// fails. The range lock is held by the caller. For conversion.cc.
#pragma once

#include <cstddef>

#include "system/memory/conversion.h"

namespace vmm {

class ConversionJob {
  public:
    struct Parts {
        VisibilityModel& model;
        PageDropper& dropper;
        const Populated& populated;
        const PopulatedSource& source;  // the engine's own
        ConversionCalls& calls;         // counted here
        RetryPolicy retry;
    };
    ConversionJob(const ConversionPlan& plan, const Parts& parts) : plan_(plan), parts_(parts) {}

    // On failure everything done so far stays, for take_back().
    Status run();
    // As run(), of a conversion that ConversionEngine::convert_usual() began: one change, one call of each
    // kind, no listeners. The first try of one of the calls failed so.
    enum class Call { Attributes, Discard };
    Status go_on(Call failed, Status first_try);
    // Afterwards all is as before run(), or, when that fails, the visibility maps say what the kernel has.
    Status take_back();

  private:
    Status run_to_private();
    Status run_to_shared();
    Status set_attributes();
    Status drop_other_side();
    Status populate_changes();
    void drop_wanted_side();
    Status set_back(const VisibilityModel::Step& step);
    Status set_retrying(const RamPiece& what, Visibility to);
    Status drop_retrying(RamBlock& block, RamRange range, Visibility side);
    Status drop_once(RamBlock& block, RamRange range, Visibility side);
    template <typename Try>
    Status repeat(Status done, Try try_again);
    void publish(Visibility visibility);
    void publish_what_the_kernel_has();

    const ConversionPlan& plan_;
    const Parts parts_;
    VisibilityModel::Steps steps_;
    size_t steps_done_ = 0;
    size_t populated_ = 0;  // changes of which the listeners were told (to shared)
    bool let_go_ = false;   // listeners were told to let go (to private)
};

}  // namespace vmm
