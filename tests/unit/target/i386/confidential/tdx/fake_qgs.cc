// A service for tests; see fake_qgs.h.
#include "tests/unit/target/i386/confidential/tdx/fake_qgs.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "target/i386/confidential/tdx/quote_protocol.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::tdx {

namespace {
constexpr int kPollMs = 5000;

bool wait_for(int fd, int milliseconds) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, milliseconds) > 0;
}

bool read_whole(int fd, uint8_t* to, size_t size) {
    for (size_t at = 0; at < size;) {
        if (!wait_for(fd, kPollMs)) return false;
        const ssize_t got = ::read(fd, to + at, size - at);
        if (got <= 0) return false;
        at += static_cast<size_t>(got);
    }
    return true;
}
}  // namespace

FakeQgs::FakeQgs(Answer answer) : answer_(std::move(answer)) {
    listener_ = listen_on(address(), 64).take_value();
    thread_ = Thread::start("fake-qgs", [this] { run(); }).take_value();
}

FakeQgs::~FakeQgs() {
    stop_ = true;
    thread_.join();
}

void FakeQgs::run() {
    while (!stop_) {
        if (!wait_for(listener_.get(), 10)) continue;
        auto connection = accept_one(listener_.get());
        if (connection && *connection) serve(std::move(**connection));
    }
}

void FakeQgs::serve(Fd connection) {
    uint8_t word[kQgsLengthSize];
    if (!read_whole(connection.get(), word, sizeof word)) return;
    std::vector<uint8_t> request(load_be<uint32_t>(word));
    if (!read_whole(connection.get(), request.data(), request.size())) return;
    ++served_;
    if (!answer_) {
        held_.push_back(std::move(connection));
        return;
    }
    const std::vector<uint8_t> answer = answer_(request);
    if (!answer.empty()) (void)!::write(connection.get(), answer.data(), answer.size());
}

std::vector<uint8_t> good_answer(std::span<const uint8_t> quote) {
    std::vector<uint8_t> out(kQgsLengthSize + kQgsPreludeSize + quote.size());
    const auto size = static_cast<uint32_t>(out.size() - kQgsLengthSize);
    store_be<uint32_t>(&out[0], size);
    store_le<uint16_t>(&out[4], 1);
    store_le<uint16_t>(&out[6], 1);
    store_le<uint32_t>(&out[8], 1);
    store_le<uint32_t>(&out[12], size);
    store_le<uint32_t>(&out[24], static_cast<uint32_t>(quote.size()));
    std::copy(quote.begin(), quote.end(), out.begin() + kQgsLengthSize + kQgsPreludeSize);
    return out;
}

}  // namespace vmm::tdx
