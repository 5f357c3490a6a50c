// Quotes all the way: a running TD's GetQuote as the kernel hands it out, a service on a real unix socket,
// the answer in the TD's shared memory and the interrupt that announces it.
#include <gtest/gtest.h>

#include "target/i386/confidential/tdx/quote_protocol.h"
#include "tests/unit/target/i386/confidential/tdx/fake_qgs.h"
#include "tests/unit/target/i386/confidential/tdx/image_maker.h"
#include "tests/unit/target/i386/confidential/tdx/td_world.h"
#include "util/endian.h"

namespace vmm::tdx {
namespace {

constexpr uint64_t kFirstBuffer = 0x10000000, kBufferSize = 0x4000;
constexpr unsigned kMost = 17;
constexpr uint32_t kReport = 1024;
constexpr uint8_t kVector = 0x50;

class TdQuotes : public testing::Test {
  protected:
    void start(FakeQgs::Answer answer, int64_t patience = QuoteService::kPatience) {
        qgs = std::make_unique<FakeQgs>(std::move(answer));
        world.config.quotes = {.address = qgs->address(), .patience = patience};
        const Status done = world.launch(2);
        ASSERT_TRUE(done) << done.error().message();
        world.share(GpaRange::of(Gpa(kFirstBuffer), kMost * kBufferSize));
        abi::TdxExit& exit = call(abi::kTdVmCallSetupEventNotify, 1);
        exit.setup_event_notify.vector = kVector;
        serve(1);
        ASSERT_EQ(exit.result, abi::kTdVmCallSuccess);
    }
    abi::TdxExit& call(uint64_t number, unsigned vcpu) {
        kvm_run& run = world.vcpu(vcpu).page();
        run.exit_reason = abi::kExitTdx;
        auto& out = abi::exit_payload<abi::TdxExit>(run);
        out = {};
        out.number = number;
        return out;
    }
    void serve(unsigned vcpu) {
        EXPECT_EQ(world.guest->handle_exit(world.vcpu(vcpu), world.world()), kvm::ExitAction::Resume);
    }
    static uint64_t buffer(unsigned number) { return kFirstBuffer + number * kBufferSize; }
    uint8_t* at(unsigned number) { return world.fake.host_memory(buffer(number)); }
    uint64_t status(unsigned number) { return load_le<uint64_t>(at(number) + 8); }
    uint32_t length(unsigned number) { return load_le<uint32_t>(at(number) + 20); }
    // The TD asks for a quote: what the call answers.
    uint64_t ask(unsigned number) {
        store_le<uint64_t>(at(number), 1);
        store_le<uint64_t>(at(number) + 8, 0);
        store_le<uint32_t>(at(number) + 16, kReport);
        store_le<uint32_t>(at(number) + 20, 0);
        std::fill_n(at(number) + 24, kReport, static_cast<uint8_t>(number + 1));
        abi::TdxExit& exit = call(abi::kTdVmCallGetQuote, 0);
        exit.get_quote = {.gpa = buffer(number), .size = kBufferSize};
        serve(0);
        return exit.result;
    }
    // Until so many quotes were announced.
    void wait_for(size_t interrupts) {
        const int64_t end = monotonic_ns() + 20'000'000'000;
        LoopTimer tick(world.loop, [] {});
        while (world.fake.sent_msis.size() < interrupts && monotonic_ns() < end) {
            tick.arm_at(monotonic_ns() + 10'000'000);
            world.loop.iterate(true);
        }
        ASSERT_EQ(world.fake.sent_msis.size(), interrupts);
        EXPECT_EQ(world.fake.sent_msis.back(), (model::KernelModel::MsiRoute{0xfee01000, kVector}));
    }
    void expect_error(FakeQgs::Answer answer, int64_t patience = QuoteService::kPatience) {
        start(std::move(answer), patience);
        ASSERT_EQ(ask(0), abi::kTdVmCallSuccess);
        wait_for(1);
        EXPECT_EQ(status(0), kQuoteError);
        EXPECT_EQ(length(0), 0u);
    }

    TdWorld world{make_image().bytes};
    std::unique_ptr<FakeQgs> qgs;
};

TEST_F(TdQuotes, AGoodOneArrivesWithItsInterrupt) {
    const std::vector<uint8_t> quote(5006, 0x77);
    std::vector<uint8_t> asked;
    start([&](const std::vector<uint8_t>& request) {
        asked = request;
        return good_answer(quote);
    });
    ASSERT_EQ(ask(0), abi::kTdVmCallSuccess);
    wait_for(1);
    EXPECT_EQ(status(0), kQuoteDone);
    EXPECT_EQ(length(0), quote.size());
    EXPECT_TRUE(std::equal(quote.begin(), quote.end(), at(0) + 24));
    ASSERT_EQ(asked.size(), 24u + kReport);
    EXPECT_EQ(asked.back(), 1);
}

TEST_F(TdQuotes, AnotherVersionIsAnError) {
    expect_error([](const auto&) {
        std::vector<uint8_t> answer = good_answer(std::vector<uint8_t>(100));
        answer[6] = 0;  // 1.0
        return answer;
    });
}

TEST_F(TdQuotes, OneTooLargeIsAnError) {
    expect_error([](const auto&) { return good_answer(std::vector<uint8_t>(kBufferSize - 23)); });
}

TEST_F(TdQuotes, ASlowServiceIsAnError) {
    expect_error(FakeQgs::silent(), 50'000'000);
}

TEST_F(TdQuotes, AServiceThatHangsUpIsAnError) {
    expect_error([](const auto&) { return std::vector<uint8_t>(); });
}

TEST_F(TdQuotes, SixteenAtOnceAndOneMoreIsToTryAgain) {
    start(FakeQgs::silent(), 300'000'000);
    for (unsigned i = 0; i < kMost - 1; ++i)
        ASSERT_EQ(ask(i), abi::kTdVmCallSuccess) << i;
    EXPECT_EQ(ask(kMost - 1), abi::kTdVmCallRetry);
    wait_for(kMost - 1);
    for (unsigned i = 0; i < kMost - 1; ++i)
        EXPECT_EQ(status(i), kQuoteError) << i;
    EXPECT_EQ(ask(kMost - 1), abi::kTdVmCallSuccess);
    wait_for(kMost);
}

TEST_F(TdQuotes, AServiceThatIsNotThereIsUnavailable) {
    start(FakeQgs::silent());
    qgs.reset();
    ASSERT_EQ(ask(0), abi::kTdVmCallSuccess);
    wait_for(1);
    EXPECT_EQ(status(0), kQuoteUnavailable);
}

}  // namespace
}  // namespace vmm::tdx
