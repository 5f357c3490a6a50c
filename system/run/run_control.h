// RunControl: starts and stops the guest and resets it. Owns the run state; tells its listeners (clocks, the
// accelerator's bookkeeping, later QMP) about each change. Main thread only, except state().
#pragma once

#include <atomic>
#include <vector>

#include "system/run/reset.h"
#include "system/run/run_state.h"
#include "system/run/vcpus.h"
#include "util/result.h"

namespace vmm {

class RunListener {
  public:
    virtual ~RunListener() = default;
    // Before the first vCPU runs again, or after the last has stopped.
    virtual void run_changed(bool running, RunState state) = 0;
};

// A machine whose reset takes a new VM. Main thread, vCPUs paused, no lock held.
class VmRebuild {
  public:
    virtual ~VmRebuild() = default;
    // Everything in the VM goes and is made again, before anything is reset.
    virtual Status before_reset() = 0;
    // What must happen once everything is in its reset state.
    virtual Status after_reset() = 0;
};

class RunControl {
  public:
    // Both are borrowed for the life of the control.
    RunControl(Vcpus& vcpus, ResetList& resets) : vcpus_(vcpus), resets_(resets) {}

    RunState state() const { return state_.load(std::memory_order_acquire); }
    bool running() const { return state() == RunState::Running; }

    void start();
    // Stops every vCPU and enters the state; in a stopped machine only the state changes.
    void stop(RunState why);
    // Resets everything on the list with the vCPUs stopped, and goes on if the guest ran; a stopped machine
    // is then as it was before it ran first. When the VM could not be made anew, the machine stays stopped in
    // internal-error; a reset may be tried again.
    Status reset();
    // A running machine sleeps (ACPI S3): no vCPU runs, everything else does.
    void sleep();
    // Ends it with a reset after which the guest runs. As reset() when the VM could not be made anew.
    Status wake();
    // Borrowed; null: the VM stays.
    void set_rebuild(VmRebuild* rebuild) { rebuild_ = rebuild; }

    void add_listener(RunListener& listener) { listeners_.push_back(&listener); }
    void remove_listener(RunListener& listener) { std::erase(listeners_, &listener); }

  private:
    Status reset_all();
    void enter(RunState state);
    void tell(bool running);

    Vcpus& vcpus_;
    ResetList& resets_;
    VmRebuild* rebuild_ = nullptr;
    std::vector<RunListener*> listeners_;
    std::atomic<RunState> state_{RunState::Prelaunch};
};

}  // namespace vmm
