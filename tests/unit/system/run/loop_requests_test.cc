// Requests from other threads arrive on the loop once, and the gravest wins.
#include "system/run/loop_requests.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace vmm {
namespace {

class Recorder final : public RequestHandler {
  public:
    void do_reset(ShutdownCause) override { log += "reset "; }
    void do_shutdown(ShutdownCause) override { log += "shutdown "; }
    void do_watchdog() override { log += "watchdog "; }
    void do_crash_loaded() override { log += "crash "; }
    void do_exit(int status) override { log += "exit" + std::to_string(status) + " "; }
    void do_internal_error(const std::string& text) override { log += "error:" + text + " "; }
    void do_sleep() override { log += "sleep "; }
    void do_wake() override { log += "wake "; }
    std::string log;
};

class LoopRequestsTest : public ::testing::Test {
  protected:
    void drain() {
        while (loop.iterate(false)) {
        }
    }
    EventLoop loop;
    Recorder recorder;
    LoopRequests requests{loop};
};

TEST_F(LoopRequestsTest, aRequestIsDoneOnTheLoopAndNotBefore) {
    requests.set_handler(&recorder);
    std::thread([&] { requests.request_reset(ShutdownCause::GuestReset); }).join();
    EXPECT_EQ(recorder.log, "");
    drain();
    EXPECT_EQ(recorder.log, "reset ");
}

TEST_F(LoopRequestsTest, whatAGuestReportsComesBeforeWhatItAsksFor) {
    requests.set_handler(&recorder);
    requests.request_reset(ShutdownCause::GuestReset);
    requests.report_watchdog();
    requests.report_crash_loaded();
    drain();
    EXPECT_EQ(recorder.log, "crash watchdog reset ");
}

TEST_F(LoopRequestsTest, whoFallsAsleepWaitsUntilItIsDone) {
    requests.set_handler(&recorder);
    EXPECT_FALSE(requests.must_wait());
    requests.request_sleep();
    EXPECT_TRUE(requests.must_wait());
    requests.request_wake();  // an alarm between the two
    drain();
    EXPECT_EQ(recorder.log, "sleep wake ");
    EXPECT_FALSE(requests.must_wait());
    requests.request_sleep();
    requests.request_exit(3);
    drain();
    EXPECT_EQ(recorder.log, "sleep wake sleep exit3 ");
    EXPECT_FALSE(requests.must_wait());
}

TEST_F(LoopRequestsTest, resetsAskedTwiceAreDoneOnce) {
    requests.set_handler(&recorder);
    requests.request_reset(ShutdownCause::GuestReset);
    requests.request_reset(ShutdownCause::GuestReset);
    drain();
    EXPECT_EQ(recorder.log, "reset ");
    requests.request_reset(ShutdownCause::GuestReset);
    drain();
    EXPECT_EQ(recorder.log, "reset reset ");
}

TEST_F(LoopRequestsTest, exitWinsOverTheRestAndTheFirstStatusStays) {
    requests.set_handler(&recorder);
    requests.request_reset(ShutdownCause::GuestReset);
    requests.request_exit(3);
    requests.request_exit(5);
    drain();
    EXPECT_EQ(recorder.log, "exit3 ");
}

TEST_F(LoopRequestsTest, requestsMadeBeforeTheHandlerWaitForIt) {
    requests.request_shutdown(ShutdownCause::GuestShutdown);
    drain();
    EXPECT_EQ(recorder.log, "");
    requests.set_handler(&recorder);
    drain();
    EXPECT_EQ(recorder.log, "shutdown ");
}

TEST_F(LoopRequestsTest, nothingIsDoneAfterTheHandlerWasTakenAway) {
    requests.set_handler(&recorder);
    requests.report_internal_error("boom");
    requests.set_handler(nullptr);
    drain();
    requests.set_handler(&recorder);
    drain();
    EXPECT_EQ(recorder.log, "");
}

}  // namespace
}  // namespace vmm
