// PageMap against a plain model of ranges, over pages, chunks and the whole space.
#include "system/memory/page_map.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/fakes/interval_map.h"

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
        for (int i = 0; i < 20000; ++i) {
            uint64_t a = some_page(random), b = some_page(random);
            // Not over the far part: that would be millions of chunks.
            if ((a > (uint64_t{1} << 39)) != (b > (uint64_t{1} << 39))) b = a + random() % 300;
            if (a > b) std::swap(a, b);
            Visibility v = random() % 2 != 0 ? Visibility::Private : Visibility::Shared;
            map.set(a * kPageSize, b * kPageSize + kPageSize - 1, v);
            model.set(a * kPageSize, b * kPageSize + kPageSize - 1, v);
            uint64_t from = some_page(random) * kPageSize + random() % kPageSize;
            uint64_t to = from + (random() % 1000) * kPageSize + random() % 5;
            ASSERT_EQ(runs(map, from, to), runs(model, from, to)) << "set " << i;
            ASSERT_EQ(map.at(from), model.at(from));
            if (i % 50 == 0) {
                ASSERT_EQ(runs(map, 0, ~uint64_t{0}), runs(model, 0, ~uint64_t{0})) << "set " << i;
            }
        }
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

}  // namespace
}  // namespace vmm
