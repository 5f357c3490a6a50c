// Base64 there and back, and what is refused.
#include "util/base64.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

std::vector<uint8_t> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

TEST(Base64, KnownAnswers) {
    const std::pair<const char*, const char*> kRows[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : kRows) {
        EXPECT_EQ(to_base64(bytes_of(plain)), encoded);
        auto back = from_base64(encoded);
        ASSERT_TRUE(back) << encoded;
        EXPECT_EQ(*back, bytes_of(plain));
    }
}

TEST(Base64, EveryByteComesBack) {
    std::vector<uint8_t> all;
    for (unsigned i = 0; i < 256; ++i)
        all.push_back(static_cast<uint8_t>(i));
    EXPECT_EQ(from_base64(to_base64(all)).take_value(), all);
}

TEST(Base64, FilesHaveLines) {
    EXPECT_EQ(from_base64(" Zm9v\r\nYmFy\n").take_value(), bytes_of("foobar"));
}

TEST(Base64, WhatIsRefused) {
    for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zm9vY", "Zm=v", "====", "Zm9!", "=Zm9v", "Zm9v="})
        EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace vmm
