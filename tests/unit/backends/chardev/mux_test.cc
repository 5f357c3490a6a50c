// The mux: focus, escapes, queues.
#include "backends/chardev/mux.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_chardev.h"

namespace vmm {
namespace {

class MuxTest : public testing::Test {
  protected:
    MuxTest() {
        auto under = std::make_unique<FakeChardev>(loop_);
        fake_ = under.get();
        mux_ = std::make_unique<MuxChardev>(loop_, std::move(under), [this] { ++quits_; });
    }
    ~MuxTest() override {
        mux_->detach(first_);
        mux_->detach(second_);
    }
    EventLoop loop_;
    FakeChardev* fake_ = nullptr;
    std::unique_ptr<MuxChardev> mux_;
    FakeCharClient first_, second_;
    int quits_ = 0;
};

TEST_F(MuxTest, escapeXQuitsEvenWithoutRoom) {
    ASSERT_TRUE(mux_->attach(first_));
    first_.space = 0;
    for (int i = 0; i < 1000; ++i)
        fake_->type("z");
    fake_->type("\x01");
    fake_->type("x");
    EXPECT_EQ(quits_, 1);
    EXPECT_EQ(first_.got, "");
}

TEST_F(MuxTest, escapeCTurnsTheInputRound) {
    ASSERT_TRUE(mux_->attach(first_));
    ASSERT_TRUE(mux_->attach(second_));
    fake_->type("a");
    fake_->type("\x01");
    fake_->type("cb");
    EXPECT_EQ(second_.got, "a");
    EXPECT_EQ(first_.got, "b");
    EXPECT_EQ(second_.events.back(), CharEvent::FocusOut);
    EXPECT_EQ(first_.events.back(), CharEvent::FocusIn);
}

TEST_F(MuxTest, escapedEscapeIsItself) {
    ASSERT_TRUE(mux_->attach(first_));
    fake_->type("\x01\x01");
    EXPECT_EQ(first_.got, "\x01");
}

TEST_F(MuxTest, breakReachesTheFocus) {
    ASSERT_TRUE(mux_->attach(first_));
    fake_->type(
        "\x01"
        "b");
    EXPECT_EQ(first_.events.back(), CharEvent::Break);
}

TEST_F(MuxTest, helpIsPrinted) {
    ASSERT_TRUE(mux_->attach(first_));
    fake_->type("\x01h");
    EXPECT_NE(fake_->written.find("C-a x"), std::string::npos);
    EXPECT_EQ(first_.got, "");
}

TEST_F(MuxTest, waitingInputIsGivenWhenThereIsRoom) {
    ASSERT_TRUE(mux_->attach(first_));
    first_.space = 1;
    fake_->type("abc");
    EXPECT_EQ(first_.got, "a");
    first_.space = 10;
    mux_->accept_input();
    while (loop_.iterate(false)) {
    }
    EXPECT_EQ(first_.got, "abc");
}

TEST_F(MuxTest, bothWrite) {
    ASSERT_TRUE(mux_->attach(first_));
    ASSERT_TRUE(mux_->attach(second_));
    const uint8_t text[] = {'h', 'i'};
    EXPECT_EQ(mux_->write(text), 2u);
    EXPECT_EQ(fake_->written, "hi");
    fake_->type("\x01t");
    mux_->write(text);
    EXPECT_NE(fake_->written.find("hi[00:00:00."), std::string::npos);
}

}  // namespace
}  // namespace vmm
