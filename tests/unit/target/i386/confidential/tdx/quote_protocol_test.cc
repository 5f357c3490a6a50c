// The bytes of quotes: requests, and answers that must not be believed.
#include "target/i386/confidential/tdx/quote_protocol.h"

#include <gtest/gtest.h>

#include "util/endian.h"

namespace vmm::tdx {
namespace {

std::vector<uint8_t> answer(uint32_t quote_size) {
    std::vector<uint8_t> out(kQgsPreludeSize + quote_size, 0x5a);
    store_le<uint16_t>(&out[0], 1);
    store_le<uint16_t>(&out[2], 1);
    store_le<uint32_t>(&out[4], 1);
    store_le<uint32_t>(&out[8], static_cast<uint32_t>(out.size()));
    store_le<uint32_t>(&out[12], 0);
    store_le<uint32_t>(&out[16], 0);
    store_le<uint32_t>(&out[20], quote_size);
    return out;
}

TEST(QuoteProtocol, GoodAnswerIsTheBareQuote) {
    const std::vector<uint8_t> message = answer(100);
    const auto quote = quote_in_response(message, 100);
    ASSERT_TRUE(quote);
    EXPECT_EQ(quote->size(), 100u);
    EXPECT_EQ(quote->data(), message.data() + 24);
}

TEST(QuoteProtocol, WrongAnswersAreRefused) {
    struct Row {
        size_t at;
        uint32_t value;
        const char* says;
    };
    const Row rows[] = {{0, 0x00010002, "version 2.1"},
                        {0, 0x00000001, "version 1.0"},
                        {4, 0, "type 0"},
                        {4, 3, "type 3"},
                        {8, 0, "wrong size"},
                        {8, 0xffffffff, "wrong size"},
                        {12, 0x12, "error 0x12"},
                        {16, 1, "identity"},
                        {20, 99, "wrong size"},
                        {20, 101, "wrong size"},
                        {20, 0xffffffe8, "wrong size"}};
    for (const Row& row : rows) {
        std::vector<uint8_t> message = answer(100);
        store_le<uint32_t>(&message[row.at], row.value);
        const auto quote = quote_in_response(message, 1000);
        ASSERT_FALSE(quote) << row.at;
        EXPECT_NE(quote.error().text().find(row.says), std::string::npos) << quote.error().text();
    }
    EXPECT_FALSE(quote_in_response(answer(100), 99));
    EXPECT_FALSE(quote_in_response(std::vector<uint8_t>(23), 100));
}

TEST(QuoteProtocol, LengthIsJudgedBeforeAnythingIsRead) {
    auto length = [](uint32_t n, uint64_t room) {
        uint8_t word[4];
        store_be<uint32_t>(word, n);
        return bool(response_length(word, room));
    };
    EXPECT_TRUE(length(24, 0));
    EXPECT_TRUE(length(124, 100));
    EXPECT_FALSE(length(125, 100));
    EXPECT_FALSE(length(23, 100));
    EXPECT_FALSE(length(0xffffffff, kMaxQuoteBuffer));
}

TEST(QuoteProtocol, GuestHeaderIsJudged) {
    EXPECT_TRUE(is_good_request({1, 0, 1024, 0}, 4096));
    EXPECT_TRUE(is_good_request({1, 0, 4072, 0}, 4096));
    EXPECT_FALSE(is_good_request({1, 0, 4073, 0}, 4096));
    EXPECT_FALSE(is_good_request({1, 0, 0xffffffff, 0}, 4096));
    EXPECT_FALSE(is_good_request({2, 0, 0, 0}, 4096));
    EXPECT_FALSE(is_good_request({1, 0, 0, 0}, 0));
}

}  // namespace
}  // namespace vmm::tdx
