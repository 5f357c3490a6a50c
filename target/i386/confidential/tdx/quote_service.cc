// Quotes in flight; see quote_service.h.
#include "target/i386/confidential/tdx/quote_service.h"

#include <algorithm>

#include "linux-headers/tdx_abi.h"
#include "target/i386/confidential/tdx/quote_exchange_priv.h"
#include "util/align.h"
#include "util/log.h"

namespace vmm::tdx {

namespace {

bool write_header(const DmaSpace& memory, uint64_t gpa, const QuoteHeader& header) {
    std::array<uint8_t, kQuoteHeaderSize> bytes{};
    write_quote_header(header, bytes);
    return memory.write(Gpa(gpa), bytes);
}

uint64_t refuse(const char* why, uint64_t gpa, uint64_t size, uint64_t answer) {
    log_guest_error("get-quote 0x%llx+0x%llx: %s", static_cast<unsigned long long>(gpa),
                    static_cast<unsigned long long>(size), why);
    return answer;
}

}  // namespace

QuoteService::QuoteService(EventLoop& loop, Config config, std::function<void()> completed)
    : loop_(loop), config_(std::move(config)), completed_(std::move(completed)) {}

QuoteService::~QuoteService() {
    *alive_ = false;
}

bool QuoteService::take_place() {
    Locked lock(mutex_);
    if (in_flight_ == kMostInFlight) return false;
    ++in_flight_;
    return true;
}

void QuoteService::give_place_back() {
    Locked lock(mutex_);
    --in_flight_;
}

unsigned QuoteService::in_flight() const {
    Locked lock(mutex_);
    return in_flight_;
}

uint64_t QuoteService::request(AddressSpace& space, uint64_t gpa, uint64_t size) {
    constexpr uint64_t kInvalid = abi::kTdVmCallInvalidOperand;
    if (size == 0) return refuse("the buffer has no bytes", gpa, size, kInvalid);
    if (!is_aligned(gpa | size, kQuotePage))
        return refuse("the buffer is not in whole pages", gpa, size, abi::kTdVmCallAlignError);
    if (size > kMaxQuoteBuffer) return refuse("the buffer is larger than 128 KiB", gpa, size, kInvalid);
    const DmaSpace memory(space);
    std::array<uint8_t, kQuoteHeaderSize> head{};
    if (!memory.read(Gpa(gpa), head)) return refuse("the buffer is not shared memory", gpa, size, kInvalid);
    QuoteHeader header = read_quote_header(head);
    if (!is_good_request(header, size)) return refuse("the buffer's header is wrong", gpa, size, kInvalid);
    if (!config_.address) {
        header.status = kQuoteUnavailable;
        header.out_length = 0;
        return write_header(memory, gpa, header) ? abi::kTdVmCallSuccess : kInvalid;
    }
    if (!take_place()) return abi::kTdVmCallRetry;
    std::vector<uint8_t> report(header.in_length);
    header.status = kQuoteInFlight;
    header.out_length = 0;
    if (!memory.read(Gpa(gpa + kQuoteHeaderSize), report) || !write_header(memory, gpa, header)) {
        give_place_back();
        return refuse("the buffer is not all shared memory", gpa, size, kInvalid);
    }
    uint64_t epoch = 0;
    {
        Locked lock(mutex_);
        epoch = epoch_;
    }
    // Posted work must be copyable.
    auto exchange = std::make_shared<std::unique_ptr<QuoteExchange>>(
        std::make_unique<QuoteExchange>(*this, space, gpa, size, std::move(report)));
    loop_.post([this, alive = alive_, exchange, epoch] {
        if (*alive) start(std::move(*exchange), epoch);
    });
    return abi::kTdVmCallSuccess;
}

void QuoteService::start(std::unique_ptr<QuoteExchange> exchange, uint64_t epoch) {
    {
        Locked lock(mutex_);
        if (epoch != epoch_) return;  // cancelled, its place is free already
    }
    QuoteExchange& one = *exchange;
    exchanges_.push_back(std::move(exchange));
    one.begin(loop_, *config_.address, config_.patience);
}

void QuoteService::finished(QuoteExchange& exchange) {
    // It is in one of its own functions: it dies a little later.
    auto found = std::find_if(exchanges_.begin(), exchanges_.end(),
                              [&](const auto& one) { return one.get() == &exchange; });
    if (found != exchanges_.end()) {
        auto dying = std::make_shared<std::unique_ptr<QuoteExchange>>(std::move(*found));
        exchanges_.erase(found);
        loop_.post([dying] {});
    }
    give_place_back();
    completed_();
}

void QuoteService::cancel_all() {
    exchanges_.clear();
    Locked lock(mutex_);
    in_flight_ = 0;
    ++epoch_;
}

}  // namespace vmm::tdx
