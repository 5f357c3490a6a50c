// PageMap against a plain model of ranges, over pages, chunks and the whole space.
#include "system/memory/page_map.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "util/interval_map.h"

namespace vmm {
namespace {

struct Run {
    uint64_t first, last;
    Visibility visibility;
    bool operator==(const Run&) const = default;
};
template <typename Map>
std::vector<Run> runs(const Map& map, uint64_t first, uint64_t last) {
    std::vector<Run> found;
    map.visit(first, last, [&](uint64_t a, uint64_t b, Visibility v) {
        found.push_back({a, b, v});
        return true;
    });
    return found;
}

// Bounds near the ends of words and chunks, a few GiB apart, and far away.
uint64_t some_page(std::mt19937& random) {
    const uint64_t bases[] = {0, 64, 32768, 2 * 32768, 5 * 32768, uint64_t{1} << 40};
    return bases[random() % 6] + random() % 200;
}

TEST(PageMap, randomSetsAgreeWithAModelOfRanges) {
    for (Visibility everywhere : {Visibility::Shared, Visibility::Private}) {
        PageMap map(everywhere);
        IntervalMap<Visibility> model(everywhere);
        std::mt19937 random(11);
        int spots = 0;
        for (int i = 0; i < 20000; ++i) {
            uint64_t a = some_page(random), b = some_page(random);
            // Not over the far part: that would be millions of chunks.
            if ((a > (uint64_t{1} << 39)) != (b > (uint64_t{1} << 39))) b = a + random() % 300;
            if (a > b) std::swap(a, b);
            Visibility v = random() % 2 != 0 ? Visibility::Private : Visibility::Shared;
            const uint64_t first = a * kPageSize, last = b * kPageSize + kPageSize - 1;
            const PageMap::Spot spot = map.spot(first, last);
            if (spot) {
                ASSERT_EQ(spot.is_all(v), map.is_all(first, last, v)) << "set " << i;
                ++spots;
                spot.set(v);
            } else {
                map.set(first, last, v);
            }
            model.set(first, last, v);
            ASSERT_TRUE(map.is_all(first, last, v));
            ASSERT_FALSE(map.is_all(last, last, opposite(v)));
            uint64_t from = some_page(random) * kPageSize + random() % kPageSize;
            uint64_t to = from + (random() % 1000) * kPageSize + random() % 5;
            ASSERT_EQ(runs(map, from, to), runs(model, from, to)) << "set " << i;
            ASSERT_EQ(map.at(from), model.at(from));
            if (i % 50 == 0) {
                ASSERT_EQ(runs(map, 0, ~uint64_t{0}), runs(model, 0, ~uint64_t{0})) << "set " << i;
            }
        }
        EXPECT_GT(spots, 100);
    }
}

TEST(PageMap, visitStopsWhenAsked) {
    PageMap map(Visibility::Shared);
    map.set(0, 2 * kPageSize - 1, Visibility::Private);
    int seen = 0;
    EXPECT_FALSE(map.visit(0, 100 * kPageSize, [&](uint64_t, uint64_t, Visibility) { return ++seen < 1; }));
    EXPECT_EQ(seen, 1);
}

TEST(PageMap, lastPageOfTheSpaceIsThere) {
    PageMap map(Visibility::Shared);
    map.set(~uint64_t{0} - (kPageSize - 1), ~uint64_t{0}, Visibility::Private);
    EXPECT_EQ(map.at(~uint64_t{0}), Visibility::Private);
    EXPECT_EQ(map.at(~uint64_t{0} - kPageSize), Visibility::Shared);
    EXPECT_EQ(runs(map, 0, ~uint64_t{0}).size(), 2u);
}

// Each thread owns every fourth page: they share words, and make the chunks and the tree together.
TEST(PageMap, threadsWithPagesOfTheirOwnDoNotDisturbEachOther) {
    constexpr uint64_t kThreads = 4, kPages = 2000;
    const uint64_t strides[] = {1, 32768 / 7, uint64_t{1} << 25};
    for (uint64_t stride : strides) {
        PageMap map(Visibility::Shared);
        auto place = [&](uint64_t i) { return i * stride * kPageSize; };
        std::vector<std::thread> threads;
        for (uint64_t t = 0; t < kThreads; ++t) {
            threads.emplace_back([&, t] {
                for (uint64_t i = t; i < kPages; i += kThreads) {
                    map.set(place(i), place(i) + kPageSize - 1, Visibility::Private);
                    EXPECT_EQ(map.at(place(i)), Visibility::Private);
                    if (i % 3 == 0) map.set(place(i), place(i) + kPageSize - 1, Visibility::Shared);
                }
            });
        }
        for (std::thread& thread : threads)
            thread.join();
        for (uint64_t i = 0; i < kPages; ++i)
            ASSERT_EQ(map.at(place(i)), i % 3 == 0 ? Visibility::Shared : Visibility::Private) << i;
        map.clear();
        EXPECT_TRUE(map.is_all(0, ~uint64_t{0}, Visibility::Shared));
    }
}

}  // namespace
}  // namespace vmm
