// One conversation about a quote; see quote_exchange_priv.h.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "target/i386/confidential/tdx/quote_exchange_priv.h"
#include "target/i386/confidential/tdx/quote_service.h"
#include "util/log.h"

namespace vmm::tdx {

namespace {
constexpr int64_t kTryAgain = 10'000'000;  // ns
}

void QuoteExchange::begin(EventLoop& loop, const SocketAddress& address, int64_t patience) {
    loop_ = &loop;
    address_ = address;
    timer_.emplace(loop, [this] { end(kQuoteError, "no answer in time"); });
    timer_->arm_at(monotonic_ns() + patience);
    connect();
}

// A descriptor that was handed over is used as it is; it serves one quote.
Result<Fd> QuoteExchange::open() const {
    if (const auto* given = std::get_if<FdAddress>(&*address_)) {
        Fd copy(::fcntl(given->number, F_DUPFD_CLOEXEC, 0));
        if (!copy) return Error::from_errno(errno, "descriptor %d", given->number);
        TRY(set_non_blocking(copy.get()));
        return copy;
    }
    return std::move(TRY(begin_connect(*address_, 0)).fd);
}

void QuoteExchange::connect() {
    Result<Fd> fd = open();
    if (!fd && fd.error().number() == EAGAIN) {
        // Its queue is full: others are waiting as well.
        if (!again_) again_.emplace(*loop_, [this] { connect(); });
        again_->arm_at(monotonic_ns() + kTryAgain);
        return;
    }
    if (!fd) return end(kQuoteUnavailable, fd.error().text().c_str());
    socket_ = std::move(*fd);
    watch(FdWatch::kOut);
}

void QuoteExchange::watch(unsigned conditions) {
    if (watched_ == conditions) return;
    watched_ = conditions;
    watch_ = FdWatch(*loop_, socket_.get(), conditions | FdWatch::kHangup, [this](unsigned) { ready(); });
}

void QuoteExchange::ready() {
    while (!ended_ && step()) {
    }
}

bool QuoteExchange::step() {
    switch (stage_) {
        case Stage::Connecting: {
            const int number = connection_error(socket_.get());
            if (number != 0) {
                end(kQuoteUnavailable, strerrordesc_np(number));
                return false;
            }
            stage_ = Stage::Sending;
            return true;
        }
        case Stage::Sending:
            return send_some();
        case Stage::ReadingLength:
        case Stage::ReadingAnswer:
            return read_some();
    }
    return false;
}

bool QuoteExchange::send_some() {
    const ssize_t sent = ::send(socket_.get(), &request_[done_], request_.size() - done_, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EINTR) return true;
        if (errno != EAGAIN) end(kQuoteError, strerrordesc_np(errno));
        return false;
    }
    done_ += static_cast<size_t>(sent);
    if (done_ < request_.size()) return true;
    stage_ = Stage::ReadingLength;
    done_ = 0;
    watch(FdWatch::kIn);
    return false;
}

bool QuoteExchange::read_some() {
    const ssize_t got = ::read(socket_.get(), &answer_[done_], answer_.size() - done_);
    if (got < 0) {
        if (errno == EINTR) return true;
        if (errno != EAGAIN) end(kQuoteError, strerrordesc_np(errno));
        return false;
    }
    if (got == 0) {
        end(kQuoteError, "it hung up before its answer was whole");
        return false;
    }
    done_ += static_cast<size_t>(got);
    if (done_ < answer_.size()) return true;
    if (stage_ == Stage::ReadingAnswer) {
        deliver();
        return false;
    }
    judge_length();
    return !ended_;
}

void QuoteExchange::judge_length() {
    const Result<uint32_t> length = response_length(std::span(answer_).first<kQgsLengthSize>(), room());
    if (!length) return end(kQuoteError, length.error().text().c_str());
    answer_.assign(*length, 0);
    done_ = 0;
    stage_ = Stage::ReadingAnswer;
}

void QuoteExchange::deliver() {
    const auto quote = quote_in_response(answer_, room());
    if (!quote) return end(kQuoteError, quote.error().text().c_str());
    // The quote first, then the word that says it is there.
    if (!memory_.write(Gpa(gpa_ + kQuoteHeaderSize), *quote))
        return end(kQuoteError, "the guest took its buffer away");
    header_.out_length = static_cast<uint32_t>(quote->size());
    std::atomic_thread_fence(std::memory_order_release);
    end(kQuoteDone, nullptr);
}

void QuoteExchange::end(uint64_t status, const char* why) {
    ended_ = true;
    if (why != nullptr) log_warning("quote generation service %s: %s", to_text(*address_).c_str(), why);
    watch_.end();
    timer_->disarm();
    if (again_) again_->disarm();
    socket_.reset();
    header_.status = status;
    std::array<uint8_t, kQuoteHeaderSize> bytes{};
    write_quote_header(header_, bytes);
    if (!memory_.write(Gpa(gpa_), bytes))
        log_guest_error("get-quote: the buffer is not shared memory any more");
    service_.finished(*this);
}

}  // namespace vmm::tdx
