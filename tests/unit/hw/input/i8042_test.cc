// The keyboard controller, its keyboard and its mouse, as SeaBIOS and Linux talk to them.
#include "hw/input/i8042.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_irq_line.h"
#include "tests/fakes/fake_requests.h"

namespace vmm {
namespace {

using Bytes = std::vector<uint8_t>;

class KbdTest : public testing::Test {
  protected:
    void command(uint8_t value) { kbd_.command().write(0, value, 1); }
    void data(uint8_t value) { kbd_.data().write(0, value, 1); }
    uint8_t status() { return static_cast<uint8_t>(kbd_.command().read(0, 1)); }
    uint8_t take() { return static_cast<uint8_t>(kbd_.data().read(0, 1)); }
    Bytes all() {
        Bytes out;
        while ((status() & 1) != 0 && out.size() < 1000)
            out.push_back(take());
        return out;
    }
    void mode(uint8_t value) {
        command(0x60);
        data(value);
    }
    Bytes keyboard(uint8_t value) {
        data(value);
        return all();
    }
    Bytes mouse(uint8_t value) {
        command(0xd4);
        data(value);
        return all();
    }

    FakeIrqInput irq_;
    FakeRequests requests_;
    I8042 kbd_{irq_.line(1), irq_.line(12), requests_};
};

TEST_F(KbdTest, selfTestsPass) {
    command(0xaa);
    EXPECT_EQ(all(), Bytes{0x55});
    command(0xab);
    EXPECT_EQ(all(), Bytes{0x00});
    command(0xa9);
    EXPECT_EQ(all(), Bytes{0x00});
    EXPECT_EQ(status() & 0x14, 0x14);
}

TEST_F(KbdTest, commandByteIsKept) {
    mode(0x65);
    command(0x20);
    EXPECT_EQ(all(), Bytes{0x65});
    command(0xa7);
    command(0xad);
    command(0x20);
    EXPECT_EQ(all(), Bytes{0x75});
    command(0xa8);
    command(0xae);
    command(0x20);
    EXPECT_EQ(all(), Bytes{0x45});
}

TEST_F(KbdTest, keyboardResetsAndIdentifies) {
    EXPECT_EQ(keyboard(0xff), (Bytes{0xfa, 0xaa}));
    EXPECT_EQ(keyboard(0xf5), Bytes{0xfa});
    EXPECT_EQ(keyboard(0xf2), (Bytes{0xfa, 0xab, 0x83}));
    EXPECT_EQ(keyboard(0xee), Bytes{0xee});
    EXPECT_EQ(keyboard(0x42), Bytes{0xfe});
    mode(0x41);
    EXPECT_EQ(keyboard(0xf2), (Bytes{0xfa, 0xab, 0x41}));  // translated
}

TEST_F(KbdTest, argumentsAreAcknowledged) {
    EXPECT_EQ(keyboard(0xed), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x07), Bytes{0xfa});
    EXPECT_EQ(keyboard(0xf3), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x00), Bytes{0xfa});
    EXPECT_EQ(keyboard(0xf0), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x00), (Bytes{0xfa, 0x02}));
    EXPECT_EQ(keyboard(0xf0), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x03), Bytes{0xfe});
    // A command in place of an argument is a command.
    EXPECT_EQ(keyboard(0xed), Bytes{0xfa});
    EXPECT_EQ(keyboard(0xf4), Bytes{0xfa});
}

TEST_F(KbdTest, keysInSet2AndTranslated) {
    EXPECT_TRUE(kbd_.key(0x1e, false, true));  // A
    EXPECT_TRUE(kbd_.key(0x1e, false, false));
    EXPECT_EQ(all(), (Bytes{0x1c, 0xf0, 0x1c}));
    mode(0x41);
    kbd_.key(0x1e, false, true);
    kbd_.key(0x1e, false, false);
    kbd_.key(0x48, true, true);  // arrow up
    kbd_.key(0x48, true, false);
    EXPECT_EQ(all(), (Bytes{0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8}));
}

TEST_F(KbdTest, everySet1CodeSurvivesTheWayRound) {
    mode(0x41);
    for (uint8_t code = 1; code < 0x59; ++code) {
        kbd_.key(code, false, true);
        kbd_.key(code, false, false);
        EXPECT_EQ(all(), (Bytes{code, static_cast<uint8_t>(code | 0x80)})) << int{code};
    }
}

TEST_F(KbdTest, eachByteIsAnInterruptEdge) {
    mode(0x41);
    kbd_.key(0x1e, false, true);
    kbd_.key(0x1f, false, true);
    EXPECT_TRUE(irq_.level(1));
    unsigned before = irq_.rises(1);
    EXPECT_EQ(take(), 0x1e);
    EXPECT_EQ(irq_.rises(1), before + 1);
    EXPECT_EQ(take(), 0x1f);
    EXPECT_FALSE(irq_.level(1));
    EXPECT_FALSE(irq_.level(12));
}

TEST_F(KbdTest, disabledKeyboardWaits) {
    command(0xad);
    kbd_.key(0x1e, false, true);
    EXPECT_EQ(status() & 1, 0);
    command(0xae);
    EXPECT_EQ(status() & 1, 1);
}

TEST_F(KbdTest, fullQueueRefusesKeys) {
    int taken = 0;
    while (kbd_.key(0x1e, false, true) && taken < 1000)
        ++taken;
    EXPECT_LT(taken, 400);
    EXPECT_EQ(keyboard(0xf5).back(), 0xfa);  // a command's answer still comes
}

TEST_F(KbdTest, mouseResetsAndMoves) {
    EXPECT_EQ(mouse(0xff), (Bytes{0xfa, 0xaa, 0x00}));
    kbd_.move_mouse(5, 3, 0, 0);
    EXPECT_EQ(all(), Bytes{});
    EXPECT_EQ(mouse(0xf4), Bytes{0xfa});
    kbd_.move_mouse(5, 3, 0, Ps2Mouse::kLeft);
    EXPECT_EQ(status() & 0x21, 0x21);
    EXPECT_TRUE(irq_.level(12));
    EXPECT_EQ(all(), (Bytes{0x29, 10, 0xfa}));
    kbd_.move_mouse(-300, 0, 0, 0);
    EXPECT_EQ(all(), (Bytes{0x18, 0x01, 0x00, 0x18, 0xd3, 0x00}));
}

TEST_F(KbdTest, wheelAndButtonsAreFoundByTheRates) {
    EXPECT_EQ(mouse(0xf2), (Bytes{0xfa, 0x00}));
    for (int rate : {200, 100, 80}) {
        mouse(0xf3);
        mouse(static_cast<uint8_t>(rate));
    }
    EXPECT_EQ(mouse(0xf2), (Bytes{0xfa, 0x03}));
    for (int rate : {200, 200, 80}) {
        mouse(0xf3);
        mouse(static_cast<uint8_t>(rate));
    }
    EXPECT_EQ(mouse(0xf2), (Bytes{0xfa, 0x04}));
    mouse(0xf4);
    kbd_.move_mouse(0, 0, -1, Ps2Mouse::kSide);
    EXPECT_EQ(all(), (Bytes{0x08, 0x00, 0x00, 0x1f}));
}

TEST_F(KbdTest, mouseStatusAndWrap) {
    EXPECT_EQ(mouse(0xe9), (Bytes{0xfa, 0x00, 0x02, 100}));
    EXPECT_EQ(mouse(0xee), Bytes{0xfa});
    EXPECT_EQ(mouse(0x55), Bytes{0x55});
    EXPECT_EQ(mouse(0xec), Bytes{0xfa});
    EXPECT_EQ(mouse(0xeb), (Bytes{0xfa, 0x08, 0x00, 0x00}));
}

TEST_F(KbdTest, bytesCanBePutInTheBuffer) {
    command(0xd2);
    data(0x77);
    EXPECT_EQ(status() & 0x21, 0x01);
    EXPECT_EQ(take(), 0x77);
    command(0xd3);  // as Linux probes for the mouse's port
    data(0xa5);
    EXPECT_EQ(status() & 0x21, 0x21);
    EXPECT_EQ(take(), 0xa5);
}

TEST_F(KbdTest, resetPulseAndOutputPort) {
    command(0xff);
    EXPECT_TRUE(requests_.resets.empty());
    command(0xfe);
    EXPECT_EQ(requests_.resets.size(), 1u);
    command(0xd1);
    data(0xdf);
    EXPECT_EQ(requests_.resets.size(), 1u);
    command(0xd0);
    EXPECT_EQ(take() & 0x03, 0x03);
    command(0xdd);
    command(0xd0);
    EXPECT_EQ(take() & 0x03, 0x01);
    command(0xd1);
    data(0x02);
    EXPECT_EQ(requests_.resets.size(), 2u);
}

TEST(Port92, resetsOnARiseOnly) {
    FakeRequests requests;
    Port92 port(requests);
    EXPECT_EQ(port.read(0, 1), 2u);
    port.write(0, 0x03, 1);
    port.write(0, 0x03, 1);
    EXPECT_EQ(requests.resets, std::vector<ShutdownCause>{ShutdownCause::GuestReset});
    port.reset_hold();
    EXPECT_EQ(port.read(0, 1), 2u);
}

}  // namespace
}  // namespace vmm
