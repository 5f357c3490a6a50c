// Quotes: headers that a guest writes, answers of any shape from a Quote Generation Service. What is let
// through lies within the answer and fits the guest's buffer; what is not is one line.
#include <algorithm>
#include <array>
#include <cstdint>

#include "target/i386/confidential/tdx/quote_protocol.h"
#include "util/check.h"
#include "util/endian.h"

using namespace vmm;
using namespace vmm::tdx;

namespace {

void check_error(const Error& error) {
    CHECK(!error.text().empty() && error.text().find('\n') == std::string::npos, "not one line");
}

// The guest's buffer, of which its header is all that is believed.
void check_buffer(std::span<const uint8_t> bytes) {
    if (bytes.size() < kQuoteHeaderSize) return;
    const QuoteHeader header = read_quote_header(bytes.first<kQuoteHeaderSize>());
    std::array<uint8_t, kQuoteHeaderSize> again{};
    write_quote_header(header, again);
    CHECK(std::equal(again.begin(), again.end(), bytes.begin()), "a header changed on its way");
    if (!is_good_request(header, bytes.size())) return;
    const auto report = bytes.subspan(kQuoteHeaderSize, header.in_length);
    const std::vector<uint8_t> frame = quote_request(report);
    CHECK(load_be<uint32_t>(frame.data()) == frame.size() - kQgsLengthSize, "the frame's length");
    CHECK(std::equal(report.begin(), report.end(), frame.begin() + kQgsLengthSize + kQgsPreludeSize,
                     frame.end()),
          "the report is not in the frame");
}

// The service's answer, as the exchange reads it: its length, then so many bytes.
void check_answer(std::span<const uint8_t> bytes, uint64_t room) {
    if (bytes.size() < kQgsLengthSize) return;
    const auto length = response_length(bytes.first<kQgsLengthSize>(), room);
    if (!length) return check_error(length.error());
    CHECK(*length - kQgsPreludeSize <= room, "more than the guest has room for is read");
    const auto message = bytes.subspan(kQgsLengthSize);
    const auto quote = quote_in_response(message.first(std::min<size_t>(*length, message.size())), room);
    if (!quote) return check_error(quote.error());
    CHECK(quote->size() <= room, "the quote does not fit");
    CHECK(quote->empty() || (quote->data() >= message.data() &&
                             quote->data() + quote->size() <= message.data() + message.size()),
          "a quote from elsewhere");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const uint64_t room = load_le<uint16_t>(data) * uint64_t{4};
    const std::span<const uint8_t> bytes(data + 2, size - 2);
    check_buffer(bytes);
    check_answer(bytes, room);
    // A length that fits its answer, whatever the input says.
    std::vector<uint8_t> whole(bytes.begin(), bytes.end());
    if (whole.size() < kQgsLengthSize) return 0;
    store_be<uint32_t>(whole.data(), static_cast<uint32_t>(whole.size() - kQgsLengthSize));
    check_answer(whole, room);
    return 0;
}
