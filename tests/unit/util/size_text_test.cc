// Sizes as users write them.
#include "util/size_text.h"

#include <gtest/gtest.h>

#include "util/align.h"

namespace vmm {
namespace {

TEST(SizeText, Accepts) {
    struct {
        const char* text;
        uint64_t unit;
        uint64_t bytes;
    } cases[] = {
        {"0", 1, 0},
        {"4096", 1, 4096},
        {"4K", 1, 4096},
        {"512", kMiB, 512 * kMiB},
        {"1G", kMiB, kGiB},
        {"1.5G", 1, 3 * kGiB / 2},
        {"0x1000", 1, 4096},
        {"0x10M", 1, 16 * kMiB},
        {"2t", 1, 2 * kTiB},
        {"1B", kMiB, 1},
        {"0xab", 1, 0xab},
        {"0xe", 1, 0xe},
        {"15E", 1, 15 * 1024 * 1024 * kTiB},
    };
    for (const auto& c : cases) {
        auto got = parse_size(c.text, c.unit);
        ASSERT_TRUE(got) << c.text << ": " << got.error().text();
        EXPECT_EQ(*got, c.bytes) << c.text;
    }
}

TEST(SizeText, Refuses) {
    for (const char* text : {"", "M", "-1", "+1", " 1", "1 ", "1X", "1MM", "1.M", "1.5", "0x", "16E",
                             "99999999999999999999", "1.5.5G", "0x1.5G", "1e3"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(SizeText, ShowsTheLargestExactUnit) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(5000), "5000 B");
    EXPECT_EQ(size_text(kGiB), "1 GiB");
    EXPECT_EQ(size_text(kGiB + kMiB), "1025 MiB");
}

}  // namespace
}  // namespace vmm
