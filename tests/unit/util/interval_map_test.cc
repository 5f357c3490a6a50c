// IntervalMap against an array, and that equal neighbours are always one run.
#include "util/interval_map.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace vmm {
namespace {

TEST(IntervalMap, randomSetsAgreeWithAnArray) {
    IntervalMap<int> map(0);
    std::array<int, 64> model{};
    std::mt19937 random(3);
    for (int i = 0; i < 20000; ++i) {
        uint64_t first = random() % 64, last = first + random() % (64 - first);
        int value = static_cast<int>(random() % 3);
        map.set(first, last, value);
        std::fill(model.begin() + static_cast<long>(first), model.begin() + static_cast<long>(last) + 1,
                  value);
        uint64_t next = 0;
        int before = -1;
        map.visit(0, 63, [&](uint64_t a, uint64_t b, int v) {
            EXPECT_EQ(a, next);
            EXPECT_NE(v, before);
            for (uint64_t k = a; k <= b; ++k)
                EXPECT_EQ(model[k], v);
            next = b + 1;
            before = v;
            return true;
        });
        ASSERT_EQ(next, 64u);
    }
}

TEST(IntervalMap, endsOfTheSpaceAreIncluded) {
    IntervalMap<int> map(0);
    map.set(~uint64_t{0}, ~uint64_t{0}, 1);
    EXPECT_EQ(map.at(~uint64_t{0}), 1);
    EXPECT_EQ(map.at(~uint64_t{0} - 1), 0);
    map.set(0, ~uint64_t{0}, 2);
    EXPECT_EQ(map.runs(), 1u);
    EXPECT_EQ(map.at(0), 2);
}

TEST(IntervalMap, visitStopsWhenAsked) {
    IntervalMap<int> map(0);
    map.set(10, 19, 1);
    int seen = 0;
    EXPECT_FALSE(map.visit(0, 100, [&](uint64_t, uint64_t, int) { return ++seen < 2; }));
    EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace vmm
