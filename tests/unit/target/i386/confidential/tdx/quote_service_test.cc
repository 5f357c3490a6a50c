// Quotes through a service on a real socket: good ones, a service that misbehaves in every way, one that is
// slow, and more requests than are served at once.
#include "target/i386/confidential/tdx/quote_service.h"

#include <gtest/gtest.h>

#include "linux-headers/tdx_abi.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "target/i386/confidential/tdx/quote_protocol.h"
#include "tests/unit/target/i386/confidential/tdx/fake_qgs.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::tdx {
namespace {

constexpr uint64_t kBuffer = 0x10000;

class Quotes : public testing::Test {
  protected:
    Quotes() { topology.add(root, region, 0); }
    void make(std::optional<SocketAddress> address, int64_t patience = QuoteService::kPatience) {
        service = std::make_unique<QuoteService>(loop, QuoteService::Config{std::move(address), patience},
                                                 [this] { ++completed; });
    }
    // A guest's buffer with a report of so many bytes.
    void fill(uint64_t gpa, uint32_t report, uint64_t version = 1) {
        store_le<uint64_t>(ram->data() + gpa, version);
        store_le<uint64_t>(ram->data() + gpa + 8, 77);
        store_le<uint32_t>(ram->data() + gpa + 16, report);
        store_le<uint32_t>(ram->data() + gpa + 20, 99);
        for (uint32_t i = 0; i < report; ++i)
            ram->data()[gpa + 24 + i] = static_cast<uint8_t>(i);
    }
    uint64_t status(uint64_t gpa = kBuffer) { return load_le<uint64_t>(ram->data() + gpa + 8); }
    uint32_t length(uint64_t gpa = kBuffer) { return load_le<uint32_t>(ram->data() + gpa + 20); }
    uint64_t ask(uint64_t gpa = kBuffer, uint64_t size = 0x4000) {
        return service->request(memory, gpa, size);
    }
    void wait_for(unsigned count) {
        const int64_t end = monotonic_ns() + 10'000'000'000;
        LoopTimer tick(loop, [] {});
        while (completed < count && monotonic_ns() < end) {
            tick.arm_at(monotonic_ns() + 20'000'000);
            loop.iterate(true);
        }
        EXPECT_EQ(completed, count);
    }
    // A service that answers so makes of a quote this status.
    void expect_status(FakeQgs::Answer answer, uint64_t wanted) {
        FakeQgs qgs(std::move(answer));
        make(qgs.address());
        fill(kBuffer, 1024);
        ASSERT_EQ(ask(), abi::kTdVmCallSuccess);
        wait_for(1);
        EXPECT_EQ(status(), wanted);
        EXPECT_EQ(length(), 0u);
        EXPECT_EQ(service->in_flight(), 0u);
    }

    EventLoop loop;
    Topology topology;
    MemoryRegion root = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    std::unique_ptr<RamBlock> ram = RamBlock::anonymous("ram", kMiB).take_value();
    MemoryRegion region = MemoryRegion::ram("ram", *ram);
    AddressSpace memory{topology, root, "memory"};
    unsigned completed = 0;
    std::unique_ptr<QuoteService> service;
};

TEST_F(Quotes, GoodQuoteArrivesBare) {
    std::vector<uint8_t> quote(5006), asked;
    for (size_t i = 0; i < quote.size(); ++i)
        quote[i] = static_cast<uint8_t>(7 * i + 5);
    FakeQgs qgs([&](const std::vector<uint8_t>& request) {
        asked = request;
        return good_answer(quote);
    });
    make(qgs.address());
    fill(kBuffer, 1024);
    ASSERT_EQ(ask(), abi::kTdVmCallSuccess);
    EXPECT_EQ(status(), kQuoteInFlight);
    wait_for(1);
    EXPECT_EQ(status(), kQuoteDone);
    EXPECT_EQ(length(), 5006u);
    EXPECT_TRUE(std::equal(quote.begin(), quote.end(), ram->data() + kBuffer + 24));
    ASSERT_EQ(asked.size(), 24u + 1024);
    EXPECT_EQ(asked[24 + 1023], 0xff);
    EXPECT_EQ(service->in_flight(), 0u);
}

TEST_F(Quotes, WrongVersionIsAnError) {
    expect_status(
        [](const auto&) {
            std::vector<uint8_t> answer = good_answer(std::vector<uint8_t>(100));
            answer[6] = 0;  // 1.0
            return answer;
        },
        kQuoteError);
}

TEST_F(Quotes, ReportedErrorIsAnError) {
    expect_status(
        [](const auto&) {
            std::vector<uint8_t> answer = good_answer({});
            answer[16] = 0x12;
            return answer;
        },
        kQuoteError);
}

TEST_F(Quotes, QuoteThatDoesNotFitIsAnError) {
    expect_status([](const auto&) { return good_answer(std::vector<uint8_t>(0x4000 - 24 + 1)); },
                  kQuoteError);
}

TEST_F(Quotes, HugeLengthIsAnErrorBeforeItIsRead) {
    expect_status([](const auto&) { return std::vector<uint8_t>{0xff, 0xff, 0xff, 0xff}; }, kQuoteError);
}

TEST_F(Quotes, HangingUpIsAnError) {
    expect_status([](const auto&) { return std::vector<uint8_t>(); }, kQuoteError);
}

TEST_F(Quotes, HangingUpInTheMiddleIsAnError) {
    expect_status(
        [](const auto&) {
            std::vector<uint8_t> answer = good_answer(std::vector<uint8_t>(1000));
            answer.resize(500);
            return answer;
        },
        kQuoteError);
}

TEST_F(Quotes, NobodyThereIsUnavailable) {
    make(UnixAddress{"/tmp/no-quote-service-here"});
    fill(kBuffer, 64);
    ASSERT_EQ(ask(), abi::kTdVmCallSuccess);
    wait_for(1);
    EXPECT_EQ(status(), kQuoteUnavailable);
}

TEST_F(Quotes, SlowServiceRunsOutOfTime) {
    FakeQgs qgs(FakeQgs::silent());
    make(qgs.address(), 50'000'000);
    fill(kBuffer, 64);
    ASSERT_EQ(ask(), abi::kTdVmCallSuccess);
    wait_for(1);
    EXPECT_EQ(status(), kQuoteError);
    EXPECT_EQ(service->in_flight(), 0u);
}

TEST_F(Quotes, SeventeenthIsToTryAgain) {
    FakeQgs qgs(FakeQgs::silent());
    make(qgs.address(), 300'000'000);
    for (unsigned i = 0; i < 17; ++i)
        fill(kBuffer + i * 0x4000, 64);
    for (unsigned i = 0; i < 16; ++i)
        ASSERT_EQ(ask(kBuffer + i * 0x4000), abi::kTdVmCallSuccess) << i;
    EXPECT_EQ(ask(kBuffer + 16 * 0x4000), abi::kTdVmCallRetry);
    EXPECT_EQ(status(kBuffer + 16 * 0x4000), 77u);  // untouched
    wait_for(16);
    EXPECT_EQ(service->in_flight(), 0u);
    EXPECT_EQ(qgs.served(), 16u);
    EXPECT_EQ(ask(kBuffer + 16 * 0x4000), abi::kTdVmCallSuccess);
    wait_for(17);
}

TEST_F(Quotes, WithoutAServiceQuotesAreUnavailable) {
    make(std::nullopt);
    fill(kBuffer, 64);
    EXPECT_EQ(ask(), abi::kTdVmCallSuccess);
    EXPECT_EQ(status(), kQuoteUnavailable);
    EXPECT_EQ(length(), 0u);
    EXPECT_EQ(completed, 0u);
}

TEST_F(Quotes, BadBuffersAreRefusedAndTakeNoPlace) {
    make(UnixAddress{"/tmp/no-quote-service-here"});
    fill(kBuffer, 64);
    EXPECT_EQ(ask(kBuffer, 0), abi::kTdVmCallInvalidOperand);
    EXPECT_EQ(ask(kBuffer + 8, 0x1000), abi::kTdVmCallAlignError);
    EXPECT_EQ(ask(kBuffer, 0x1008), abi::kTdVmCallAlignError);
    EXPECT_EQ(ask(kBuffer, 0x21000), abi::kTdVmCallInvalidOperand);
    EXPECT_EQ(ask(0x40000000, 0x1000), abi::kTdVmCallInvalidOperand);
    fill(kBuffer, 64, 2);
    EXPECT_EQ(ask(), abi::kTdVmCallInvalidOperand);
    fill(kBuffer, 64);
    store_le<uint32_t>(ram->data() + kBuffer + 16, 0x4000);
    EXPECT_EQ(ask(), abi::kTdVmCallInvalidOperand);
    // A report that runs out of RAM.
    fill(kMiB - 0x1000, 0);
    store_le<uint32_t>(ram->data() + kMiB - 0x1000 + 16, 0x2000);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(ask(kMiB - 0x1000, 0x4000), abi::kTdVmCallInvalidOperand);
    EXPECT_EQ(service->in_flight(), 0u);
}

TEST_F(Quotes, CancelledQuotesLeaveTheGuestAlone) {
    FakeQgs qgs(FakeQgs::silent());
    make(qgs.address(), 20'000'000);
    fill(kBuffer, 64);
    ASSERT_EQ(ask(), abi::kTdVmCallSuccess);
    service->cancel_all();
    EXPECT_EQ(service->in_flight(), 0u);
    for (int i = 0; i < 5; ++i)
        loop.iterate(false);
    fill(kBuffer + 0x4000, 64);
    ASSERT_EQ(ask(kBuffer + 0x4000), abi::kTdVmCallSuccess);
    wait_for(1);
    EXPECT_EQ(status(), kQuoteInFlight);  // as it was
    EXPECT_EQ(service->in_flight(), 0u);
}

}  // namespace
}  // namespace vmm::tdx
