// Start, stop, reset: the only code that moves the run state.
#include "system/run/run_control.h"

#include "util/check.h"

namespace vmm {

void RunControl::enter(RunState state) {
    const RunState now = this->state();
    CHECK(run_state_may_change(now, state), "run state %s -> %s", run_state_name(now).data(),
          run_state_name(state).data());
    state_.store(state, std::memory_order_release);
}

void RunControl::tell(bool running) {
    for (RunListener* listener : listeners_)
        listener->run_changed(running, state());
}

void RunControl::start() {
    if (running()) return;
    enter(RunState::Running);
    tell(true);
    vcpus_.resume_all();
}

void RunControl::stop(RunState why) {
    CHECK(why != RunState::Running, "stop() into the running state");
    const bool ran = running();
    const bool clocks_ran = ran || state() == RunState::Suspended;
    if (ran) vcpus_.pause_all();
    if (run_state_may_change(state(), why)) enter(why);
    if (clocks_ran) tell(false);
}

void RunControl::sleep() {
    if (!running()) return;
    vcpus_.pause_all();
    enter(RunState::Suspended);
}

Status RunControl::wake() {
    if (state() != RunState::Suspended) return {};
    if (Status done = reset_all(); !done) {
        stop(RunState::InternalError);
        return done;
    }
    enter(RunState::Running);
    vcpus_.resume_all();
    return {};
}

Status RunControl::reset_all() {
    if (rebuild_ != nullptr) TRY(rebuild_->before_reset());
    resets_.reset();
    if (rebuild_ != nullptr) TRY(rebuild_->after_reset());
    return {};
}

Status RunControl::reset() {
    const bool ran = running();
    if (ran) vcpus_.pause_all();
    if (ran || state() == RunState::Suspended) tell(false);
    if (Status done = reset_all(); !done) {
        enter(RunState::InternalError);
        if (ran) tell(false);
        return done;
    }
    if (!ran && run_state_may_change(state(), RunState::Prelaunch)) enter(RunState::Prelaunch);
    if (ran) {
        tell(true);
        vcpus_.resume_all();
    }
    return {};
}

}  // namespace vmm
