// The event queue: order, other threads, throttling by kind and by key, bounds.
#include "system/control/qmp/events.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "qapi/commands_run_state.h"

namespace vmm {
namespace {

constexpr int64_t kPeriod = 30'000'000;

class EventsTest : public ::testing::Test {
  protected:
    void settle() {
        while (loop.iterate(false)) {
        }
    }
    void wait(int64_t ns) {
        const int64_t end = monotonic_ns() + ns;
        while (monotonic_ns() < end) {
            settle();
            ::usleep(500);
        }
        settle();  // the sleep may have been long
    }
    void watchdog(qapi::WatchdogAction action) {
        qapi::emit<qapi::WatchdogEvent>(events, {.action = action});
    }
    static std::string name_of(const qapi::Value& event) {
        std::string name = *event.if_dict()->find("event")->if_string();
        const qapi::Value* data = event.if_dict()->find("data");
        if (data == nullptr) return name;
        for (const char* key : {"action", "id"})
            if (const qapi::Value* value = data->if_dict()->find(key)) name += ":" + *value->if_string();
        return name;
    }
    std::string take() { return std::exchange(got, ""); }

    EventLoop loop;
    std::string got;
    EventQueue events{loop, [this](const qapi::Value& event) { got += name_of(event) + " "; }, kPeriod};
};

TEST_F(EventsTest, comeOnTheLoopInOrder) {
    std::thread([this] {
        qapi::emit<qapi::StopEvent>(events);
        qapi::emit<qapi::ResumeEvent>(events);
    }).join();
    EXPECT_EQ(got, "");
    settle();
    EXPECT_EQ(take(), "STOP RESUME ");
}

// A client that has the reply to `cont` asks at once whether the machine runs, and takes that from the event.
TEST_F(EventsTest, theMachinesStateIsToldBeforeTheCommandReturns) {
    std::string at_return;
    loop.post([&] {  // a command
        watchdog(qapi::WatchdogAction::Pause);
        EXPECT_EQ(got, "");
        qapi::emit<qapi::StopEvent>(events);
        EXPECT_EQ(take(), "WATCHDOG:pause STOP ");
        qapi::emit<qapi::ResumeEvent>(events);
        at_return = take();
    });
    settle();
    EXPECT_EQ(at_return, "RESUME ");
    EXPECT_EQ(got, "");
}

TEST_F(EventsTest, ofAThrottledKindTheFirstComesAtOnceAndTheLastLater) {
    watchdog(qapi::WatchdogAction::Pause);
    watchdog(qapi::WatchdogAction::None);
    watchdog(qapi::WatchdogAction::Debug);
    qapi::emit<qapi::StopEvent>(events);
    settle();
    EXPECT_EQ(take(), "WATCHDOG:pause STOP ");
    wait(2 * kPeriod);
    EXPECT_EQ(take(), "WATCHDOG:debug ");
    wait(2 * kPeriod);
    EXPECT_EQ(take(), "");
    watchdog(qapi::WatchdogAction::Reset);
    settle();
    EXPECT_EQ(take(), "WATCHDOG:reset ");
}

TEST_F(EventsTest, theSecondBeginsAnewWithEachThatIsTold) {
    watchdog(qapi::WatchdogAction::Pause);
    watchdog(qapi::WatchdogAction::None);
    wait(kPeriod + kPeriod / 4);
    EXPECT_EQ(take(), "WATCHDOG:pause WATCHDOG:none ");
    watchdog(qapi::WatchdogAction::Reset);
    settle();
    EXPECT_EQ(take(), "");
    wait(kPeriod);
    EXPECT_EQ(take(), "WATCHDOG:reset ");
}

TEST_F(EventsTest, portsDoNotThrottleEachOther) {
    for (const char* id : {"a", "b", "a"})
        events.emit("VSERPORT_CHANGE", {{"id", id}, {"open", true}});
    settle();
    EXPECT_EQ(take(), "VSERPORT_CHANGE:a VSERPORT_CHANGE:b ");
    wait(2 * kPeriod);
    EXPECT_EQ(take(), "VSERPORT_CHANGE:a ");
}

// A guest that asks for what cannot be does not hide that the host failed.
TEST_F(EventsTest, failedConversionsAreThrottledByOutcome) {
    const auto failed = [this](const char* outcome, uint64_t count) {
        events.emit("PENUMBRA_CONVERSION_FAILED", {{"id", std::to_string(count)}, {"outcome", outcome}});
    };
    for (uint64_t count = 1; count <= 1000; ++count)
        failed("guest-refused", count);
    failed("host-failed", 1001);
    settle();
    EXPECT_EQ(take(), "PENUMBRA_CONVERSION_FAILED:1 PENUMBRA_CONVERSION_FAILED:1001 ");
    wait(2 * kPeriod);
    EXPECT_EQ(take(), "PENUMBRA_CONVERSION_FAILED:1000 ");
    for (int i = 0; i < 100; ++i)
        events.emit("PENUMBRA_CONVERSIONS_DELAYED", {{"id", std::to_string(i)}});
    settle();
    EXPECT_EQ(take(), "PENUMBRA_CONVERSIONS_DELAYED:0 ");
    wait(2 * kPeriod);
    EXPECT_EQ(take(), "PENUMBRA_CONVERSIONS_DELAYED:99 ");
}

TEST_F(EventsTest, aFloodIsBounded) {
    for (size_t i = 0; i < 3 * EventQueue::kMost; ++i)
        qapi::emit<qapi::StopEvent>(events);
    settle();
    EXPECT_EQ(take().size(), EventQueue::kMost * 5);
}

}  // namespace
}  // namespace vmm
