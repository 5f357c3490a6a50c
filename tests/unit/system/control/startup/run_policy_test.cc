// What the process does and tells when the guest or the host asks for something of the whole machine.
#include "system/control/startup/run_policy.h"

#include <gtest/gtest.h>

#include "qapi/json_writer.h"

namespace vmm {
namespace {

class NoVcpus final : public Vcpus {
  public:
    unsigned count() const override { return 0; }
    std::vector<VcpuId> present() const override { return {}; }
    void kick(VcpuId) override {}
    void pause_all() override {}
    void resume_all() override {}
    void run_on(VcpuId, const std::function<void()>& work) override { work(); }
};

class Names final : public qapi::EventSink {
  public:
    void emit(std::string_view name, qapi::Dict data) override {
        text += name;
        for (const char* key : {"reason", "action"})
            if (const qapi::Value* value = data.find(key)) text += ":" + *value->if_string();
        if (const qapi::Value* info = data.find("info")) text += qapi::to_json(*info);
        if (const qapi::Value* guest = data.find("guest"); guest != nullptr && *guest->if_bool())
            text += "(guest)";
        text += " ";
    }
    std::string text;
};

class RunPolicyTest : public ::testing::Test {
  protected:
    void make(Actions actions = {}) {
        policy = std::make_unique<RunPolicy>(loop, requests, events, actions);
        policy->machine_made({.run = &run, .press_power_button = [this] { ++presses; }, .inject_nmi = {}});
        ASSERT_TRUE(policy->start());
        settle();
        EXPECT_EQ(take(), "RESUME ");
    }
    void settle() {
        while (loop.iterate(false)) {
        }
    }
    std::string take() { return std::exchange(events.text, ""); }

    EventLoop loop;
    LoopRequests requests{loop};
    Names events;
    NoVcpus vcpus;
    ResetList resets;
    RunControl run{vcpus, resets};
    int presses = 0;
    std::unique_ptr<RunPolicy> policy;
};

TEST_F(RunPolicyTest, stopAndContinueAreToldOnce) {
    make();
    policy->stop();
    policy->stop();
    EXPECT_EQ(policy->state(), RunState::Paused);
    ASSERT_TRUE(policy->start());
    ASSERT_TRUE(policy->start());
    EXPECT_EQ(take(), "STOP RESUME ");
}

TEST_F(RunPolicyTest, aResetOfARunningMachineIsNoStop) {
    make();
    policy->reset();
    settle();
    EXPECT_EQ(take(), "RESET:host-qmp-system-reset ");
    requests.request_reset(ShutdownCause::GuestReset);
    settle();
    EXPECT_EQ(take(), "RESET:guest-reset(guest) ");
    EXPECT_EQ(policy->state(), RunState::Running);
}

// The guest asks, and before the main loop gets to it somebody stops the machine to look at it.
TEST_F(RunPolicyTest, aGuestsResetIsNotDoneToAStoppedMachine) {
    make();
    requests.request_reset(ShutdownCause::GuestReset);
    policy->stop();
    settle();
    EXPECT_EQ(take(), "STOP ");
    EXPECT_EQ(policy->state(), RunState::Paused);
    ASSERT_TRUE(policy->start());
    settle();
    EXPECT_EQ(take(), "RESET:guest-reset(guest) RESUME ");
    EXPECT_EQ(policy->state(), RunState::Running);
    policy->stop();
    ASSERT_TRUE(policy->start());
    EXPECT_EQ(take(), "STOP RESUME ");  // once
}

TEST_F(RunPolicyTest, theUsersResetOfAStoppedMachineStandsForTheGuests) {
    make();
    requests.request_reset(ShutdownCause::GuestReset);
    policy->stop();
    settle();
    policy->reset();
    settle();
    EXPECT_EQ(take(), "STOP RESET:host-qmp-system-reset ");
    ASSERT_TRUE(policy->start());
    EXPECT_EQ(take(), "RESUME ");
}

TEST_F(RunPolicyTest, aHeldMachineIsNotStarted) {
    make();
    policy->stop();
    policy->hold("busy");
    EXPECT_FALSE(policy->start());
    policy->let_go();
    EXPECT_TRUE(policy->start());
    EXPECT_EQ(take(), "STOP RESUME ");
}

TEST_F(RunPolicyTest, aShutdownEndsTheProcess) {
    make();
    requests.request_shutdown(ShutdownCause::GuestShutdown);
    settle();
    EXPECT_EQ(take(), "SHUTDOWN:guest-shutdown(guest) STOP ");
    EXPECT_TRUE(policy->ending());
    EXPECT_EQ(policy->exit_status(), 0);
}

TEST_F(RunPolicyTest, orStopsTheMachineUntilItIsReset) {
    make({.shutdown = qapi::ShutdownAction::Pause});
    requests.request_shutdown(ShutdownCause::GuestShutdown);
    settle();
    EXPECT_EQ(take(), "SHUTDOWN:guest-shutdown(guest) STOP ");
    EXPECT_FALSE(policy->ending());
    EXPECT_EQ(policy->state(), RunState::Shutdown);
    EXPECT_FALSE(policy->start());
    policy->reset();
    settle();
    EXPECT_EQ(policy->state(), RunState::Prelaunch);
    EXPECT_TRUE(policy->start());
    take();
    policy->quit();
    settle();
    EXPECT_EQ(take(), "SHUTDOWN:host-qmp-quit STOP ");
    EXPECT_TRUE(policy->ending());
}

TEST_F(RunPolicyTest, aResetMayEndTheGuest) {
    make({.reboot = qapi::RebootAction::Shutdown});
    requests.request_reset(ShutdownCause::GuestReset);
    settle();
    EXPECT_EQ(take(), "SHUTDOWN:guest-reset(guest) STOP ");
    EXPECT_TRUE(policy->ending());
}

TEST_F(RunPolicyTest, aGuestsDeathFollowsItsAction) {
    using P = qapi::PanicAction;
    using S = qapi::ShutdownAction;
    struct Row {
        P panic;
        S shutdown;
        std::string events;
        RunState state;
        bool ends;
        int status;
    } rows[] = {
        {P::None, S::Poweroff, "GUEST_PANICKED:run ", RunState::Running, false, 0},
        {P::Pause, S::Poweroff, "GUEST_PANICKED:pause STOP ", RunState::GuestPanicked, false, 0},
        {P::Shutdown, S::Pause, "GUEST_PANICKED:pause STOP ", RunState::GuestPanicked, false, 0},
        {P::Shutdown, S::Poweroff, "GUEST_PANICKED:poweroff STOP SHUTDOWN:guest-panic(guest) ",
         RunState::GuestPanicked, true, 0},
        {P::ExitFailure, S::Poweroff, "GUEST_PANICKED:poweroff STOP SHUTDOWN:guest-panic(guest) ",
         RunState::GuestPanicked, true, 1},
    };
    for (const Row& row : rows) {
        policy.reset();
        if (run.running()) run.stop(RunState::Paused);
        ASSERT_TRUE(run.reset());
        make({.shutdown = row.shutdown, .panic = row.panic});
        requests.request_shutdown(ShutdownCause::GuestPanic);
        settle();
        EXPECT_EQ(take(), row.events);
        EXPECT_EQ(policy->state(), row.state);
        EXPECT_EQ(policy->ending(), row.ends);
        EXPECT_EQ(policy->exit_status(), row.status);
    }
}

// A TD that says why it died is a panicked guest with its words, with or without a page of more.
TEST_F(RunPolicyTest, aTdsFatalReportIsAPanicWithItsMessage) {
    make({.shutdown = qapi::ShutdownAction::Poweroff, .panic = qapi::PanicAction::Pause});
    requests.report_panic({.source = PanicReport::Source::Tdx,
                           .code = 0x20000,
                           .message = "no HOB \"here\"",
                           .gpa = uint64_t{0x7f000}});
    settle();
    EXPECT_EQ(take(),
              R"(GUEST_PANICKED:pause{"type": "tdx", "error-code": 131072, "message": "no HOB \"here\"", )"
              R"("gpa": 520192} STOP )");
    EXPECT_EQ(policy->state(), RunState::GuestPanicked);
    policy->actions().panic = qapi::PanicAction::None;
    requests.report_panic({.source = PanicReport::Source::Tdx, .code = 7, .message = "", .gpa = {}});
    settle();
    EXPECT_EQ(take(), R"(GUEST_PANICKED:run{"type": "tdx", "error-code": 7, "message": ""} )");
}

TEST_F(RunPolicyTest, aWatchdogFollowsItsAction) {
    make({.watchdog = qapi::WatchdogAction::Pause});
    requests.report_watchdog();
    settle();
    EXPECT_EQ(take(), "WATCHDOG:pause STOP ");
    EXPECT_EQ(policy->state(), RunState::Watchdog);
    ASSERT_TRUE(policy->start());
    policy->actions().watchdog = qapi::WatchdogAction::Reset;
    take();
    requests.report_watchdog();
    settle();
    EXPECT_EQ(take(), "WATCHDOG:reset RESET:guest-reset(guest) ");
    policy->actions().watchdog = qapi::WatchdogAction::Shutdown;
    requests.report_watchdog();
    settle();
    EXPECT_EQ(take(), "WATCHDOG:shutdown POWERDOWN ");
    EXPECT_EQ(presses, 1);
    policy->actions().watchdog = qapi::WatchdogAction::Poweroff;
    requests.report_watchdog();
    settle();
    EXPECT_TRUE(policy->ending());
}

TEST_F(RunPolicyTest, anInternalErrorEndsAProcessThatNobodyWatches) {
    make();
    policy->set_monitored(true);
    requests.report_internal_error("broken");
    settle();
    EXPECT_EQ(policy->state(), RunState::InternalError);
    EXPECT_FALSE(policy->ending());
    policy->set_monitored(false);
    requests.report_internal_error("broken");
    settle();
    EXPECT_TRUE(policy->ending());
    EXPECT_EQ(policy->exit_status(), 1);
}

TEST_F(RunPolicyTest, preconfigIsLeftOnce) {
    policy = std::make_unique<RunPolicy>(loop, requests, events, Actions());
    EXPECT_FALSE(policy->start());
    EXPECT_FALSE(policy->press_power_button());
    int left = 0;
    policy->set_preconfig([&]() -> Status {
        ++left;
        return {};
    });
    EXPECT_TRUE(policy->preconfig());
    EXPECT_TRUE(policy->leave_preconfig());
    EXPECT_FALSE(policy->leave_preconfig());
    EXPECT_FALSE(policy->preconfig());
    EXPECT_EQ(left, 1);
}

}  // namespace
}  // namespace vmm
