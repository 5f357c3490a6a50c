// isa-debugcon and isa-debug-exit.
#include <gtest/gtest.h>

#include "hw/char/debug_exit.h"
#include "hw/char/debugcon.h"
#include "tests/fakes/fake_chardev.h"

namespace vmm {
namespace {

struct Requests final : MachineRequests {
    void request_reset(ShutdownCause) override {}
    void request_shutdown(ShutdownCause) override {}
    void request_exit(int s) override { status = s; }
    void report_internal_error(std::string) override {}
    int status = -1;
};

TEST(DebugCon, printsAndAnswersItsNumber) {
    EventLoop loop;
    FakeChardev chardev(loop);
    auto con = DebugCon::create({.iobase = 0x402, .readback = 0x1e9}, chardev).take_value();
    con->write(0, 'A', 1);
    EXPECT_EQ(chardev.written, "A");
    EXPECT_EQ(con->read(0, 1), 0xe9u);
    EXPECT_FALSE(DebugCon::create({.iobase = 0x10000}, chardev));
}

TEST(DebugExit, statusIsOddAndShifted) {
    Requests requests;
    auto port = DebugExit::create({}, requests).take_value();
    port->write(0, 0, 1);
    EXPECT_EQ(requests.status, 1);
    port->write(0, 21, 1);
    EXPECT_EQ(requests.status, 43);
}

TEST(DebugExit, rangesOutsideThePortsAreRefused) {
    Requests requests;
    EXPECT_TRUE(DebugExit::create({.iobase = 0xfffc, .iosize = 4}, requests));
    EXPECT_FALSE(DebugExit::create({.iobase = 0xfffd, .iosize = 4}, requests));
    EXPECT_FALSE(DebugExit::create({.iobase = 0x501, .iosize = 0}, requests));
}

}  // namespace
}  // namespace vmm
