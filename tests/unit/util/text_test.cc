// Text helpers and UUIDs.
#include "util/text.h"

#include <gtest/gtest.h>

#include "util/uuid.h"

namespace vmm {
namespace {

TEST(Text, SplitKeepsEmptyPieces) {
    EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
    EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Text, NumbersRefuseTrailingText) {
    EXPECT_EQ(parse_u64("18446744073709551615"), 18446744073709551615ull);
    EXPECT_EQ(parse_u64("0x10"), 16u);
    for (const char* bad : {"", "-1", "1x", " 1", "18446744073709551616"})
        EXPECT_FALSE(parse_u64(bad)) << bad;
    EXPECT_EQ(parse_i64("-5"), -5);
}

TEST(Text, NearestFindsTheTypo) {
    std::vector<std::string_view> names = {"machine", "memory-backend-ram", "memory-backend-file"};
    EXPECT_EQ(nearest("machnie", names), "machine");
    EXPECT_EQ(nearest("memory-backend-rma", names), "memory-backend-ram");
    EXPECT_EQ(nearest("zzz", names), "");
}

TEST(Uuid, RoundTripsAndSwaps) {
    auto uuid = Uuid::parse("00112233-4455-6677-8899-AABBCCDDEEFF");
    ASSERT_TRUE(uuid);
    EXPECT_EQ(uuid->text(), "00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(uuid->mixed_endian()[0], 0x33);
    EXPECT_EQ(uuid->mixed_endian()[4], 0x55);
    EXPECT_EQ(uuid->mixed_endian()[7], 0x66);
    for (const char* bad : {"", "00112233-4455-6677-8899-AABBCCDDEEF", "00112233+4455-6677-8899-AABBCCDDEEFF",
                            "g0112233-4455-6677-8899-AABBCCDDEEFF"})
        EXPECT_FALSE(Uuid::parse(bad)) << bad;
}

}  // namespace
}  // namespace vmm
