// The serial chip as a driver sees it.
#include "hw/char/uart16550.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/fakes/fake_chardev.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

enum { kData, kIer, kIir, kLcr, kMcr, kLsr, kMsr, kScr, kFcr = kIir };

class UartTest : public testing::Test {
  protected:
    uint8_t in(unsigned reg) { return static_cast<uint8_t>(uart_->read(reg, 1)); }
    void out(unsigned reg, uint8_t value) { uart_->write(reg, value, 1); }
    void print(std::string_view text) {
        for (char c : text)
            out(kData, static_cast<uint8_t>(c));
    }

    FakeClock clock_;
    FakeIrqInput irq_;
    EventLoop loop_;
    FakeChardev line_{loop_};
    std::unique_ptr<Uart16550> uart_ = Uart16550::create(clock_, irq_.line(), &line_).take_value();
};

TEST_F(UartTest, resetValues) {
    EXPECT_EQ(in(kIer), 0);
    EXPECT_EQ(in(kIir), 0x01);
    EXPECT_EQ(in(kLcr), 0);
    EXPECT_EQ(in(kMcr), 0);
    EXPECT_EQ(in(kLsr), 0x60);
    EXPECT_EQ(in(kMsr), 0xb0);
    EXPECT_FALSE(irq_.level());
}

TEST_F(UartTest, writtenBytesComeOutInOrder) {
    print("hello\n");
    EXPECT_EQ(line_.written, "hello\n");
    EXPECT_EQ(in(kLsr)&0x60, 0x60);
}

TEST_F(UartTest, divisorIsBehindItsLatch) {
    out(kLcr, 0x83);
    out(0, 0x34);
    out(1, 0x12);
    EXPECT_EQ(in(0), 0x34);
    EXPECT_EQ(in(1), 0x12);
    out(kLcr, 0x03);
    EXPECT_EQ(in(kIer), 0);
    EXPECT_EQ(line_.written, "");
}

TEST_F(UartTest, fifosShowInIdentificationOnlyWhenEnabled) {
    out(kFcr, 0xc0);  // without the enable bit nothing happens
    EXPECT_EQ(in(kIir), 0x01);
    out(kFcr, 0x01);
    EXPECT_EQ(in(kIir), 0xc1);
}

TEST_F(UartTest, scratchAndUnusedBitsOfIerAndMcr) {
    out(kScr, 0xa5);
    EXPECT_EQ(in(kScr), 0xa5);
    out(kIer, 0xff);
    EXPECT_EQ(in(kIer), 0x0f);
    out(kMcr, 0xff);
    EXPECT_EQ(in(kMcr), 0x1f);
}

TEST_F(UartTest, enablingTheTransmitInterruptRaisesItEachTime) {
    out(kIer, 0x02);
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(in(kIir), 0x02);
    EXPECT_FALSE(irq_.level());  // reading the cause ends it
    EXPECT_EQ(in(kIir), 0x01);
    out(kIer, 0x00);
    out(kIer, 0x02);
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(in(kIir), 0x02);
}

TEST_F(UartTest, eachSentByteIsAnEdge) {
    out(kIer, 0x02);
    unsigned before = irq_.rises();
    out(kData, 'a');
    out(kData, 'b');
    EXPECT_EQ(irq_.rises(), before + 2);
}

TEST_F(UartTest, aSlowOtherEndKeepsTheHoldingRegisterFull) {
    line_.capacity = 1;
    out(kFcr, 0x01);
    print("abc");
    EXPECT_EQ(line_.written, "a");
    EXPECT_EQ(in(kLsr)&0x60, 0);
    out(kIer, 0x02);
    EXPECT_FALSE(irq_.level());
    line_.let(10);
    EXPECT_EQ(line_.written, "abc");
    EXPECT_EQ(in(kLsr)&0x60, 0x60);
    EXPECT_TRUE(irq_.level());
}

TEST_F(UartTest, moreThanTheFifoHoldsIsLost) {
    line_.capacity = 0;
    out(kFcr, 0x01);
    print("0123456789abcdefXYZ");
    line_.let(100);
    EXPECT_EQ(line_.written, "0123456789abcdef");
}

TEST_F(UartTest, receivedByteInterruptsAndIsRead) {
    out(kIer, 0x01);
    EXPECT_EQ(line_.type("xy"), "y");  // one at a time without FIFO
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(in(kIir), 0x04);
    EXPECT_EQ(in(kLsr)&1, 1);
    EXPECT_EQ(in(kData), 'x');
    EXPECT_FALSE(irq_.level());
    EXPECT_EQ(in(kLsr)&1, 0);
}

TEST_F(UartTest, triggerLevelAndThenTimeout) {
    out(kFcr, 0x81);  // eight bytes
    out(kIer, 0x01);
    line_.type("1234567");
    EXPECT_FALSE(irq_.level());
    clock_.advance(10'000'000);  // 4 characters of 7 bits at 9600 baud are 2.9 ms
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(in(kIir), 0xcc);
    EXPECT_EQ(in(kData), '1');
    EXPECT_FALSE(irq_.level());
    clock_.advance(10'000'000);
    EXPECT_TRUE(irq_.level());
    line_.type("89");
    EXPECT_EQ(in(kIir), 0xc4);
    for (char c : std::string("23456789"))
        EXPECT_EQ(in(kData), c);
    EXPECT_FALSE(irq_.level());
    clock_.advance(10'000'000);
    EXPECT_FALSE(irq_.level());
}

TEST_F(UartTest, fullFifoHoldsInputBackUntilHalfIsRead) {
    out(kFcr, 0x01);
    std::string_view rest = line_.type("0123456789abcdefgh");
    EXPECT_EQ(rest, "gh");
    EXPECT_EQ(line_.type(rest), "gh");
    unsigned before = line_.accepts;
    for (int i = 0; i < 7; ++i)
        in(kData);
    EXPECT_EQ(line_.accepts, before);
    in(kData);
    EXPECT_EQ(line_.accepts, before + 1);
    EXPECT_EQ(line_.type(rest), "");
}

TEST_F(UartTest, loopbackTurnsBytesAndModemLinesRound) {
    out(kMcr, 0x1a);  // as Linux probes for the chip
    EXPECT_EQ(in(kMsr)&0xf0, 0x90);
    out(kMcr, 0x10);
    in(kMsr);
    out(kMcr, 0x1f);
    EXPECT_EQ(in(kMsr)&0xf0, 0xf0);
    out(kData, 'q');
    EXPECT_EQ(line_.written, "");
    EXPECT_EQ(in(kData), 'q');
    EXPECT_EQ(line_.type("outside"), "outside");
    out(kData, '1');
    out(kData, '2');
    EXPECT_EQ(in(kLsr)&0x03, 0x03);  // data, overrun
    EXPECT_EQ(in(kLsr)&0x02, 0);     // told once
    EXPECT_EQ(in(kData), '2');
}

TEST_F(UartTest, modemChangesInterruptUntilRead) {
    out(kIer, 0x08);
    out(kMcr, 0x10);  // CTS, DSR, DCD fall
    EXPECT_TRUE(irq_.level());
    EXPECT_EQ(in(kIir), 0x00);
    EXPECT_EQ(in(kMsr), 0x0b);
    EXPECT_FALSE(irq_.level());
    EXPECT_EQ(in(kMsr), 0x00);
    out(kMcr, 0x14);  // ring rises: no delta
    EXPECT_EQ(in(kMsr), 0x40);
    out(kMcr, 0x10);  // and falls: one
    EXPECT_EQ(in(kMsr), 0x04);
}

TEST_F(UartTest, breakIsALineStatus) {
    out(kFcr, 0x01);
    out(kIer, 0x05);
    line_.event(CharEvent::Break);
    EXPECT_EQ(in(kIir), 0xc6);
    EXPECT_EQ(in(kLsr)&0x91, 0x91);
    EXPECT_EQ(in(kLsr)&0x90, 0);
    EXPECT_EQ(in(kData), 0);
}

TEST_F(UartTest, clearingTheInputFifoDropsAndOpens) {
    out(kFcr, 0x01);
    line_.type("0123456789abcdef");
    line_.type("more");
    unsigned before = line_.accepts;
    out(kFcr, 0x03);
    EXPECT_EQ(in(kLsr)&1, 0);
    EXPECT_EQ(line_.accepts, before + 1);
}

TEST_F(UartTest, resetForgetsAndLowersThePin) {
    out(kIer, 0x02);
    EXPECT_TRUE(irq_.level());
    uart_->reset_hold();
    EXPECT_FALSE(irq_.level());
    EXPECT_EQ(in(kIer), 0);
}

TEST_F(UartTest, withoutAChardevBytesGoNowhere) {
    FakeIrqInput irq;
    auto alone = Uart16550::create(clock_, irq.line(), nullptr).take_value();
    alone->write(kData, 'x', 1);
    EXPECT_EQ(alone->read(kLsr, 1), 0x60u);
}

TEST_F(UartTest, chardevInUseIsRefused) {
    EXPECT_FALSE(Uart16550::create(clock_, irq_.line(), &line_));
}

TEST_F(UartTest, twoWritersLoseNothing) {
    constexpr int kEach = 5000;
    auto writer = [&](uint8_t byte) {
        for (int i = 0; i < kEach; ++i) {
            // A driver would wait for room in the holding register; here another writer may take it.
            while ((uart_->read(kLsr, 1) & 0x20) == 0) {
            }
            uart_->write(kData, byte, 1);
        }
    };
    out(kFcr, 0x01);
    std::thread other([&] { writer('a'); });
    writer('b');
    other.join();
    EXPECT_EQ(line_.written.size(), 2u * kEach);
}

}  // namespace
}  // namespace vmm
