// A process that fails waits for whom it was started for, and for nobody else.
#include "system/control/startup/callers.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/fd.h"

namespace vmm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Door {
    Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    socklen_t length = sizeof(sa_family_t);

    Door() {
        // No name: the kernel makes one up in its own space.
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        EXPECT_EQ(::listen(fd.get(), 1), 0);
        length = sizeof address;
        EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    }
    Fd knock() const {
        Fd caller(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(caller.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
        return caller;
    }
};

milliseconds time_of(const Callers& callers, milliseconds most) {
    const auto begin = Clock::now();
    callers.await(most);
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

TEST(Callers, NobodyIsWaitedForWithoutADoor) {
    const Callers callers = Callers::find();
    const Door own;  // made later: not the parent's
    EXPECT_LT(time_of(callers, milliseconds(20000)), milliseconds(10000));
}

TEST(Callers, AKnockEndsTheWait) {
    const Door door;
    const Callers callers = Callers::find();
    const Fd caller = door.knock();
    EXPECT_LT(time_of(callers, milliseconds(20000)), milliseconds(10000));
}

TEST(Callers, TheWaitHasAnEnd) {
    const Door door;
    EXPECT_GE(time_of(Callers::find(), milliseconds(30)), milliseconds(30));
}

TEST(Callers, ADoorThatWasClosedIsNone) {
    Callers callers;
    {
        const Door door;
        callers = Callers::find();
    }
    EXPECT_LT(time_of(callers, milliseconds(20000)), milliseconds(10000));
}

}  // namespace
}  // namespace vmm
