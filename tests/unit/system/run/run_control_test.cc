// Starting, stopping and resetting with vCPUs that only write down what they were told.
#include "system/run/run_control.h"

#include <gtest/gtest.h>

#include <string>

namespace vmm {
namespace {

class Recorder final : public Vcpus, public Resettable, public RunListener {
  public:
    unsigned count() const override { return 1; }
    std::vector<VcpuId> present() const override { return {}; }
    void kick(VcpuId) override {}
    void pause_all() override { log += "pause "; }
    void resume_all() override { log += "resume "; }
    void run_on(VcpuId, const std::function<void()>& work) override { work(); }
    void reset_enter() override { log += "enter "; }
    void reset_hold() override { log += "hold "; }
    void reset_exit() override { log += "exit "; }
    void run_changed(bool running, RunState state) override {
        log += (running ? "run:" : "stop:") + std::string(run_state_name(state)) + " ";
    }
    std::string log;
};

class RunControlTest : public ::testing::Test {
  protected:
    RunControlTest() {
        resets.add(recorder);
        control.add_listener(recorder);
    }
    std::string take() { return std::exchange(recorder.log, ""); }
    Recorder recorder;
    ResetList resets;
    RunControl control{recorder, resets};
};

TEST_F(RunControlTest, listenersHearBeforeVcpusRunAndAfterTheyStopped) {
    control.start();
    EXPECT_EQ(take(), "run:running resume ");
    control.start();
    EXPECT_EQ(take(), "");
    control.stop(RunState::Paused);
    EXPECT_EQ(take(), "pause stop:paused ");
    EXPECT_EQ(control.state(), RunState::Paused);
}

TEST_F(RunControlTest, resetPausesResetsInPhasesAndGoesOn) {
    control.start();
    take();
    ASSERT_TRUE(control.reset());
    EXPECT_EQ(take(), "pause stop:running enter hold exit run:running resume ");
    EXPECT_TRUE(control.running());
}

TEST_F(RunControlTest, resetOfAStoppedMachineLeavesItStopped) {
    ASSERT_TRUE(control.reset());
    EXPECT_EQ(take(), "enter hold exit ");
    EXPECT_EQ(control.state(), RunState::Prelaunch);
}

TEST_F(RunControlTest, resetLeavesShutdownSoThatTheMachineCanStart) {
    control.start();
    control.stop(RunState::Shutdown);
    ASSERT_TRUE(control.reset());
    EXPECT_EQ(control.state(), RunState::Prelaunch);
    control.start();
    EXPECT_TRUE(control.running());
}

TEST_F(RunControlTest, aSleepingMachinesClocksRunAndAWakeUpIsAReset) {
    control.start();
    take();
    control.sleep();
    EXPECT_EQ(take(), "pause ");
    EXPECT_EQ(control.state(), RunState::Suspended);
    ASSERT_TRUE(control.wake());
    EXPECT_EQ(take(), "enter hold exit resume ");
    EXPECT_TRUE(control.running());
    ASSERT_TRUE(control.wake());  // nobody sleeps
    EXPECT_EQ(take(), "");
}

TEST_F(RunControlTest, whatElseEndsASleepStopsTheClocks) {
    control.start();
    control.sleep();
    take();
    ASSERT_TRUE(control.reset());
    EXPECT_EQ(take(), "stop:suspended enter hold exit ");
    EXPECT_EQ(control.state(), RunState::Prelaunch);
    control.sleep();  // it does not run
    EXPECT_EQ(control.state(), RunState::Prelaunch);
    control.start();
    control.sleep();
    take();
    control.stop(RunState::Shutdown);
    EXPECT_EQ(take(), "stop:shutdown ");
}

TEST_F(RunControlTest, stoppingAStoppedMachineKeepsTheGraverState) {
    control.start();
    control.stop(RunState::InternalError);
    control.stop(RunState::Watchdog);
    EXPECT_EQ(control.state(), RunState::InternalError);
}

}  // namespace
}  // namespace vmm
