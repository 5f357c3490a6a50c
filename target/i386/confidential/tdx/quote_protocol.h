// The bytes of a quote: what goes to a Quote Generation Service and comes back (Intel's qgs_msg,
// version 1.1), and the header of the buffer that a TD shares with its VMM (GHCI 1.5, section 3.3). The
// guest's header and the service's answer are both untrusted. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "util/result.h"

namespace vmm::tdx {

inline constexpr uint64_t kQuotePage = 4096;
inline constexpr uint64_t kMaxQuoteBuffer = 128 * 1024;

// Status words in the guest's buffer.
inline constexpr uint64_t kQuoteDone = 0;
inline constexpr uint64_t kQuoteInFlight = ~uint64_t{0};
inline constexpr uint64_t kQuoteError = uint64_t{1} << 63;
inline constexpr uint64_t kQuoteUnavailable = (uint64_t{1} << 63) + 1;

struct QuoteHeader {
    uint64_t version = 1;
    uint64_t status = 0;
    uint32_t in_length = 0;
    uint32_t out_length = 0;
};
inline constexpr size_t kQuoteHeaderSize = 24;
QuoteHeader read_quote_header(std::span<const uint8_t, kQuoteHeaderSize> bytes);
void write_quote_header(const QuoteHeader& header, std::span<uint8_t, kQuoteHeaderSize> bytes);
// Whether a request in a buffer of this many bytes can be served at all.
bool is_good_request(const QuoteHeader& header, uint64_t buffer_size);

// The length word, the message's header and what is before the payload.
inline constexpr size_t kQgsLengthSize = 4;
inline constexpr size_t kQgsPreludeSize = 16 + 8;

// A whole frame that asks for a quote over the report.
std::vector<uint8_t> quote_request(std::span<const uint8_t> report);

// The length word of an answer, judged: the bytes that follow it. room: for the quote.
Result<uint32_t> response_length(std::span<const uint8_t, kQgsLengthSize> word, uint64_t room);
// The quote in an answer (without its length word): a part of it.
Result<std::span<const uint8_t>> quote_in_response(std::span<const uint8_t> message, uint64_t room);

}  // namespace vmm::tdx
