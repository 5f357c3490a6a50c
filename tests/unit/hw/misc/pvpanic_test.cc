// The panic port.
#include "hw/misc/pvpanic.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_requests.h"

namespace vmm {
namespace {

TEST(PvPanic, tellsItsEventsAndShutsDownOnPanic) {
    FakeRequests requests;
    PvPanic port({}, requests);
    EXPECT_EQ(port.read(0, 1), 3u);
    port.write(0, 2, 1);
    EXPECT_EQ(requests.crash_loads, 1u);
    port.write(0, 4, 1);  // not offered
    EXPECT_TRUE(requests.shutdowns.empty());
    port.write(0, 1, 1);
    EXPECT_EQ(requests.shutdowns, std::vector<ShutdownCause>{ShutdownCause::GuestPanic});
}

TEST(PvPanic, onlyOfferedEventsCount) {
    FakeRequests requests;
    PvPanic port({.events = PvPanic::kShutdown}, requests);
    port.write(0, 1, 1);
    EXPECT_TRUE(requests.shutdowns.empty());
    port.write(0, 4, 1);
    EXPECT_EQ(requests.shutdowns, std::vector<ShutdownCause>{ShutdownCause::GuestShutdown});
}

}  // namespace
}  // namespace vmm
