// Vectors: copies over part borders, zero detection at every place, slices that add up.
#include "backends/block/iov.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace vmm::block {
namespace {

TEST(Iov, gatherAndScatterCrossPartBorders) {
    std::vector<uint8_t> memory(100);
    for (size_t i = 0; i < memory.size(); ++i)
        memory[i] = static_cast<uint8_t>(i);
    iovec parts[] = {{&memory[0], 10}, {&memory[10], 0}, {&memory[50], 5}, {&memory[90], 10}};
    EXPECT_EQ(iov_bytes(parts), 25u);
    std::vector<uint8_t> out(12);
    EXPECT_EQ(iov_gather(parts, 8, out), 12u);
    EXPECT_EQ(out, (std::vector<uint8_t>{8, 9, 50, 51, 52, 53, 54, 90, 91, 92, 93, 94}));
    EXPECT_EQ(iov_gather(parts, 20, out), 5u) << "no more than there is";
    std::vector<uint8_t> in(4, 0xee);
    EXPECT_EQ(iov_scatter(parts, 9, in), 4u);
    EXPECT_EQ(memory[9], 0xee);
    EXPECT_EQ(memory[52], 0xee);
    EXPECT_EQ(memory[53], 53);
}

TEST(Iov, isZeroFindsOneByteAnywhere) {
    for (size_t size : {0u, 1u, 15u, 16u, 17u, 64u, 1000u}) {
        std::vector<uint8_t> bytes(size);
        EXPECT_TRUE(is_zero(bytes));
        for (size_t i = 0; i < size; ++i) {
            bytes[i] = 1;
            EXPECT_FALSE(is_zero(bytes)) << size << " " << i;
            bytes[i] = 0;
        }
    }
}

TEST(Iov, slicesOfRandomVectorsReadTheSameBytes) {
    std::mt19937 random(7);
    std::vector<uint8_t> memory(4096);
    for (uint8_t& byte : memory)
        byte = static_cast<uint8_t>(random());
    for (int round = 0; round < 200; ++round) {
        std::vector<iovec> parts;
        for (unsigned count = 1 + random() % 8; count > 0; --count) {
            size_t at = random() % 4000;
            parts.push_back({&memory[at], random() % 96});
        }
        uint64_t total = iov_bytes(parts);
        uint64_t skip = total == 0 ? 0 : random() % total;
        uint64_t bytes = total == 0 ? 0 : random() % (total - skip + 1);
        std::vector<iovec> cut;
        iov_slice(parts, skip, bytes, cut);
        ASSERT_EQ(iov_bytes(cut), bytes);
        std::vector<uint8_t> one(bytes), other(bytes);
        iov_gather(parts, skip, one);
        iov_gather(cut, 0, other);
        ASSERT_EQ(one, other);
    }
}

TEST(Iov, clearBeginsWhereItIsTold) {
    std::vector<uint8_t> memory(20, 7);
    iovec parts[] = {{&memory[0], 10}, {&memory[10], 10}};
    iov_clear(parts, 13);
    EXPECT_EQ(memory[12], 7);
    EXPECT_TRUE(is_zero(std::span(memory).subspan(13)));
}

}  // namespace
}  // namespace vmm::block
