// isa-debugcon, isa-debug-exit and where isa-serial sits.
#include <gtest/gtest.h>

#include "hw/char/debug_exit.h"
#include "hw/char/debugcon.h"
#include "hw/char/serial_isa.h"
#include "tests/fakes/fake_chardev.h"
#include "tests/fakes/fake_device_env.h"

namespace vmm {
namespace {

TEST(DebugCon, printsAndAnswersItsNumber) {
    EventLoop loop;
    FakeChardev chardev(loop);
    FakeDeviceEnv env;
    env.hosts.chardevs["c"] = &chardev;
    auto con = DebugCon::create({.iobase = 0x402, .readback = 0x1e9, .chardev = "c"}, env, "d").take_value();
    EXPECT_EQ(con->ports()[0].first, 0x402);
    con->write(0, 'A', 1);
    EXPECT_EQ(chardev.written, "A");
    EXPECT_EQ(con->read(0, 1), 0xe9u);
    EXPECT_FALSE(DebugCon::create({.chardev = "c"}, env, "")) << "one device has it";
    EXPECT_FALSE(DebugCon::create({.chardev = "nosuch"}, env, ""));
    EXPECT_FALSE(DebugCon::check({.iobase = 0x10000, .chardev = "c"}));
    EXPECT_FALSE(DebugCon::check({}));
}

TEST(DebugCon, aSlowOtherEndGetsAllInOrder) {
    EventLoop loop;
    FakeChardev chardev(loop);
    chardev.capacity = 3;
    FakeDeviceEnv env;
    env.hosts.chardevs["c"] = &chardev;
    auto con = DebugCon::create({.chardev = "c"}, env, "").take_value();
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
    FakeDeviceEnv env;
    auto port = DebugExit::create({}, env, "").take_value();
    port->write(0, 0, 1);
    EXPECT_EQ(env.asked.exits, std::vector<int>{1});
    port->write(0, 21, 1);
    EXPECT_EQ(env.asked.exits.back(), 43);
}

TEST(DebugExit, rangesOutsideThePortsAreRefused) {
    EXPECT_TRUE(DebugExit::check({.iobase = 0xfffc, .iosize = 4}));
    EXPECT_FALSE(DebugExit::check({.iobase = 0xfffd, .iosize = 4}));
    EXPECT_FALSE(DebugExit::check({.iobase = 0x501, .iosize = 0}));
    EXPECT_FALSE(DebugExit::check({.iobase = 0x501, .iosize = 9}));
}

TEST(SerialIsa, takesTheFirstFreePlace) {
    EventLoop loop;
    FakeChardev chardev(loop);
    FakeDeviceEnv env;
    env.hosts.chardevs["c"] = &chardev;
    env.ports_taken[0x3f8] = true;
    auto port = SerialIsa::create({.chardev = "c"}, env, "s").take_value();
    EXPECT_EQ(port->port(), 0x2f8);
    EXPECT_EQ(port->irq(), 3);
    port.reset();
    auto elsewhere = SerialIsa::create({.iobase = 0x100, .irq = 9, .chardev = "c"}, env, "s").take_value();
    EXPECT_EQ(elsewhere->port(), 0x100);
    EXPECT_EQ(elsewhere->irq(), 9);
    for (const uint16_t taken : std::initializer_list<uint16_t>{0x2f8, 0x3e8, 0x2e8})
        env.ports_taken[taken] = true;
    EXPECT_FALSE(SerialIsa::create({.chardev = "c"}, env, "t"));
    EXPECT_FALSE(SerialIsa::check({.index = 4, .chardev = "c"}));
    EXPECT_FALSE(SerialIsa::check({.irq = 16, .chardev = "c"}));
    EXPECT_FALSE(SerialIsa::check({.iobase = 0xfff9, .chardev = "c"}));
    EXPECT_FALSE(SerialIsa::check({}));
}

}  // namespace
}  // namespace vmm
