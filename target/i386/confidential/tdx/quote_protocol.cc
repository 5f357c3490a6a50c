// Quote requests and answers as bytes; see quote_protocol.h.
#include "target/i386/confidential/tdx/quote_protocol.h"

#include <algorithm>

#include "util/endian.h"

namespace vmm::tdx {

namespace {

constexpr uint16_t kMajor = 1, kMinor = 1;
constexpr uint32_t kRequest = 0, kResponse = 1;

struct QgsHeader {
    Le16 major;
    Le16 minor;
    Le32 type;
    Le32 size;  // with this header
    Le32 error;
    // Requests: the report's size, then that of a list of identities. Answers: of the identity, of the quote.
    Le32 first;
    Le32 second;
};
static_assert(sizeof(QgsHeader) == kQgsPreludeSize);

}  // namespace

QuoteHeader read_quote_header(std::span<const uint8_t, kQuoteHeaderSize> bytes) {
    return {load_le<uint64_t>(&bytes[0]), load_le<uint64_t>(&bytes[8]), load_le<uint32_t>(&bytes[16]),
            load_le<uint32_t>(&bytes[20])};
}

void write_quote_header(const QuoteHeader& header, std::span<uint8_t, kQuoteHeaderSize> bytes) {
    store_le<uint64_t>(&bytes[0], header.version);
    store_le<uint64_t>(&bytes[8], header.status);
    store_le<uint32_t>(&bytes[16], header.in_length);
    store_le<uint32_t>(&bytes[20], header.out_length);
}

bool is_good_request(const QuoteHeader& header, uint64_t buffer_size) {
    return header.version == 1 && buffer_size >= kQuoteHeaderSize &&
           header.in_length <= buffer_size - kQuoteHeaderSize;
}

std::vector<uint8_t> quote_request(std::span<const uint8_t> report) {
    const auto size = static_cast<uint32_t>(kQgsPreludeSize + report.size());
    QgsHeader header{};
    header.major = kMajor;
    header.minor = kMinor;
    header.type = kRequest;
    header.size = size;
    header.first = static_cast<uint32_t>(report.size());
    std::vector<uint8_t> out(kQgsLengthSize);
    store_be<uint32_t>(out.data(), size);
    const auto head = bytes_of(header);
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), report.begin(), report.end());
    return out;
}

Result<uint32_t> response_length(std::span<const uint8_t, kQgsLengthSize> word, uint64_t room) {
    const uint32_t length = load_be<uint32_t>(word.data());
    if (length < kQgsPreludeSize) return Error::make("its answer has %u bytes, too few for a header", length);
    if (length - kQgsPreludeSize > room)
        return Error::make("its quote of %llu bytes does not fit the guest's buffer of %llu",
                           static_cast<unsigned long long>(length - kQgsPreludeSize),
                           static_cast<unsigned long long>(room));
    return length;
}

Result<std::span<const uint8_t>> quote_in_response(std::span<const uint8_t> message, uint64_t room) {
    if (message.size() < kQgsPreludeSize) return Error::make("its answer is too short");
    QgsHeader header;
    std::copy_n(message.begin(), sizeof header, writable_bytes_of(header).begin());
    if (header.major != kMajor || header.minor != kMinor)
        return Error::make("it speaks version %u.%u, expected %u.%u", unsigned{header.major},
                           unsigned{header.minor}, kMajor, kMinor);
    if (header.type != kResponse) return Error::make("its answer has type %u", uint32_t{header.type});
    if (header.error != 0) return Error::make("it reports error 0x%x", uint32_t{header.error});
    if (header.size != message.size()) return Error::make("its answer's header has the wrong size");
    if (header.first != 0) return Error::make("its answer selects an identity, none was asked for");
    if (header.second != message.size() - kQgsPreludeSize || header.second > room)
        return Error::make("its answer's quote has the wrong size");
    return message.subspan(kQgsPreludeSize);
}

}  // namespace vmm::tdx
