// The pair of 8259s as a PC programs it.
#include "hw/intc/i8259.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

class PicTest : public testing::Test {
  protected:
    PicTest() { init(0x01); }
    void init(uint8_t icw4) {
        for (IoOps* chip : {&pic_.master(), &pic_.slave()}) {
            bool master = chip == &pic_.master();
            chip->write(0, 0x11, 1);
            chip->write(1, master ? 0x20 : 0x28, 1);
            chip->write(1, master ? 0x04 : 0x02, 1);
            chip->write(1, icw4, 1);
            chip->write(1, 0x00, 1);
        }
    }
    void eoi(bool slave) {
        if (slave) pic_.slave().write(0, 0x20, 1);
        pic_.master().write(0, 0x20, 1);
    }
    uint8_t irr(IoOps& chip) {
        chip.write(0, 0x0a, 1);
        return static_cast<uint8_t>(chip.read(0, 1));
    }
    uint8_t isr(IoOps& chip) {
        chip.write(0, 0x0b, 1);
        return static_cast<uint8_t>(chip.read(0, 1));
    }
    bool intr() { return intr_.level(); }

    FakeIrqInput intr_;
    I8259Pair pic_{intr_.line()};
};

TEST_F(PicTest, edgeIsTakenOnceAndEnded) {
    pic_.set_pin(4, true);
    EXPECT_TRUE(intr());
    EXPECT_TRUE(pic_.pending());
    EXPECT_EQ(pic_.acknowledge(), 0x24);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(pic_.master()), 0x10);
    eoi(false);
    EXPECT_EQ(isr(pic_.master()), 0);
    EXPECT_FALSE(intr());  // still high, but no new edge
    pic_.set_pin(4, false);
    pic_.set_pin(4, true);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, pulseIsNotLost) {
    IrqLine(pic_, 0).pulse();
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic_.acknowledge(), 0x20);
}

TEST_F(PicTest, slaveComesThroughTheCascade) {
    pic_.set_pin(12, true);
    EXPECT_EQ(pic_.acknowledge(), 0x2c);
    EXPECT_EQ(isr(pic_.master()), 0x04);
    EXPECT_EQ(isr(pic_.slave()), 0x10);
    pic_.set_pin(14, true);  // lower priority: waits
    EXPECT_FALSE(intr());
    eoi(true);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic_.acknowledge(), 0x2e);
    eoi(true);
    EXPECT_FALSE(intr());
}

TEST_F(PicTest, priorityAndNesting) {
    pic_.set_pin(5, true);
    EXPECT_EQ(pic_.acknowledge(), 0x25);
    pic_.set_pin(6, true);
    EXPECT_FALSE(intr());
    pic_.set_pin(1, true);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic_.acknowledge(), 0x21);
    eoi(false);
    EXPECT_FALSE(intr());
    eoi(false);
    EXPECT_EQ(pic_.acknowledge(), 0x26);
}

TEST_F(PicTest, maskHoldsBack) {
    pic_.master().write(1, 0x10, 1);
    pic_.set_pin(4, true);
    EXPECT_FALSE(intr());
    EXPECT_EQ(irr(pic_.master()), 0x10);
    EXPECT_EQ(pic_.master().read(1, 1), 0x10u);
    pic_.master().write(1, 0x00, 1);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, vanishedRequestIsSpurious) {
    EXPECT_EQ(pic_.acknowledge(), 0x27);
    EXPECT_EQ(isr(pic_.master()), 0);
    // A level on the slave that goes between the cascade's edge and the acknowledge.
    pic_.elcr().write(1, 0x04, 1);
    pic_.set_pin(10, true);
    pic_.set_pin(10, false);
    EXPECT_EQ(pic_.acknowledge(), 0x2f);
    EXPECT_EQ(isr(pic_.slave()), 0);
    EXPECT_EQ(isr(pic_.master()), 0x04);
}

TEST_F(PicTest, levelStaysRequestedWhileHigh) {
    pic_.elcr().write(1, 0x0c, 1);  // 10 and 11
    pic_.set_pin(10, true);
    EXPECT_EQ(pic_.acknowledge(), 0x2a);
    eoi(true);
    EXPECT_TRUE(intr());
    pic_.set_pin(10, false);
    EXPECT_EQ(irr(pic_.slave()), 0);
}

TEST_F(PicTest, elcrHasFixedBits) {
    pic_.elcr().write(0, 0xff, 1);
    pic_.elcr().write(1, 0xff, 1);
    EXPECT_EQ(pic_.elcr().read(0, 1), 0xf8u);
    EXPECT_EQ(pic_.elcr().read(1, 1), 0xdeu);
}

TEST_F(PicTest, automaticEoiAllowsTheNextAtOnce) {
    init(0x03);
    pic_.set_pin(12, true);
    pic_.set_pin(14, true);
    EXPECT_EQ(pic_.acknowledge(), 0x2c);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic_.acknowledge(), 0x2e);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(pic_.slave()), 0);
}

TEST_F(PicTest, specificEoiAndRotation) {
    pic_.set_pin(3, true);
    pic_.acknowledge();
    pic_.master().write(0, 0xe3, 1);  // rotate on specific EOI: 4 is now first
    EXPECT_EQ(isr(pic_.master()), 0);
    pic_.set_pin(0, true);
    pic_.set_pin(5, true);
    EXPECT_EQ(pic_.acknowledge(), 0x25);
    eoi(false);
    EXPECT_EQ(pic_.acknowledge(), 0x20);
}

TEST_F(PicTest, specialMaskLetsLowerOnesThrough) {
    pic_.set_pin(1, true);
    pic_.acknowledge();
    pic_.set_pin(6, true);
    EXPECT_FALSE(intr());
    pic_.master().write(0, 0x68, 1);
    pic_.master().write(1, 0x02, 1);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, pollIsAnAcknowledge) {
    pic_.master().write(0, 0x0c, 1);
    EXPECT_EQ(pic_.master().read(0, 1), 0u);
    pic_.set_pin(4, true);
    pic_.master().write(0, 0x0c, 1);
    EXPECT_EQ(pic_.master().read(0, 1), 0x84u);
    EXPECT_EQ(isr(pic_.master()), 0x10);
    EXPECT_FALSE(intr());
}

TEST_F(PicTest, initialisationForgetsEdges) {
    pic_.set_pin(4, true);
    EXPECT_TRUE(intr());
    init(0x01);
    EXPECT_FALSE(intr());
    pic_.set_pin(4, false);
    pic_.set_pin(4, true);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, specialFullyNestedLetsTheSlaveNest) {
    init(0x11);
    pic_.set_pin(12, true);
    EXPECT_EQ(pic_.acknowledge(), 0x2c);
    pic_.set_pin(8, true);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic_.acknowledge(), 0x28);
}

}  // namespace
}  // namespace vmm
