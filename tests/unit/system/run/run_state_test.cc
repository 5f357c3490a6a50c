// The run state's names and its table of legal changes.
#include "system/run/run_state.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

constexpr RunState kAll[] = {RunState::Prelaunch,     RunState::Running,  RunState::Paused,
                             RunState::Suspended,     RunState::Shutdown, RunState::GuestPanicked,
                             RunState::InternalError, RunState::IoError,  RunState::Watchdog,
                             RunState::Debug};

TEST(RunState, everyStateHasANameThatLeadsBack) {
    for (RunState state : kAll) {
        EXPECT_FALSE(run_state_name(state).empty());
        EXPECT_EQ(run_state_from_name(run_state_name(state)), state);
    }
    EXPECT_EQ(run_state_name(RunState::InternalError), "internal-error");
    EXPECT_FALSE(run_state_from_name("dreaming").has_value());
}

TEST(RunState, aStateMayAlwaysBeEnteredAgain) {
    for (RunState state : kAll)
        EXPECT_TRUE(run_state_may_change(state, state));
}

TEST(RunState, aRunningMachineMayStopForAnyReasonButNotBecomePrelaunch) {
    for (RunState state : kAll)
        EXPECT_EQ(run_state_may_change(RunState::Running, state), state != RunState::Prelaunch);
}

TEST(RunState, aMachineThatIsOffOrBrokenMustBeResetFirst) {
    EXPECT_FALSE(run_state_may_change(RunState::Shutdown, RunState::Running));
    EXPECT_FALSE(run_state_may_change(RunState::InternalError, RunState::Running));
    EXPECT_TRUE(run_state_needs_reset(RunState::Shutdown));
    EXPECT_TRUE(run_state_needs_reset(RunState::InternalError));
    EXPECT_FALSE(run_state_needs_reset(RunState::Paused));
}

}  // namespace
}  // namespace vmm
