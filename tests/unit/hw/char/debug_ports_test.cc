// isa-debugcon and isa-debug-exit.
#include <gtest/gtest.h>

#include "hw/char/debug_exit.h"
#include "hw/char/debugcon.h"
#include "tests/fakes/fake_chardev.h"
#include "tests/fakes/fake_requests.h"

namespace vmm {
namespace {

TEST(DebugCon, printsAndAnswersItsNumber) {
    EventLoop loop;
    FakeChardev chardev(loop);
    auto con = DebugCon::create({.iobase = 0x402, .readback = 0x1e9}, chardev).take_value();
    con->write(0, 'A', 1);
    EXPECT_EQ(chardev.written, "A");
    EXPECT_EQ(con->read(0, 1), 0xe9u);
    EXPECT_FALSE(DebugCon::create({.iobase = 0x10000}, chardev));
}

TEST(DebugCon, aSlowOtherEndGetsAllInOrder) {
    EventLoop loop;
    FakeChardev chardev(loop);
    chardev.capacity = 3;
    auto con = DebugCon::create({}, chardev).take_value();
    for (char c : std::string("PASS convert"))
        con->write(0, static_cast<uint8_t>(c), 1);
    EXPECT_EQ(chardev.written, "PAS");
    chardev.let(2);
    EXPECT_EQ(chardev.written, "PASS ");
    con->write(0, '!', 1);
    chardev.let(100);
    EXPECT_EQ(chardev.written, "PASS convert!");
}

TEST(DebugExit, statusIsOddAndShifted) {
    FakeRequests requests;
    auto port = DebugExit::create({}, requests).take_value();
    port->write(0, 0, 1);
    EXPECT_EQ(requests.exits, std::vector<int>{1});
    port->write(0, 21, 1);
    EXPECT_EQ(requests.exits.back(), 43);
}

TEST(DebugExit, rangesOutsideThePortsAreRefused) {
    FakeRequests requests;
    EXPECT_TRUE(DebugExit::create({.iobase = 0xfffc, .iosize = 4}, requests));
    EXPECT_FALSE(DebugExit::create({.iobase = 0xfffd, .iosize = 4}, requests));
    EXPECT_FALSE(DebugExit::create({.iobase = 0x501, .iosize = 0}, requests));
}

}  // namespace
}  // namespace vmm
