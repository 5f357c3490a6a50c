// How often bytes were read: by a sweep over what was noted, through each way in which devices read.
#include "system/memory/read_count.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "system/memory/dma_mapping.h"
#include "tests/fakes/virtio_driver.h"

namespace vmm {
namespace {

GpaRange range(uint64_t first, uint64_t size) {
    return *GpaRange::make(Gpa(first), size);
}

TEST(ReadCount, theMostOfABytesReadsInARange) {
    ReadCount count;
    EXPECT_EQ(count.most(range(0, 100)), 0u);
    count.note(Gpa(10), 10);
    count.note(Gpa(20), 10);  // beside, not over
    EXPECT_EQ(count.most(range(0, 100)), 1u);
    count.note(Gpa(19), 1);
    EXPECT_EQ(count.most(range(0, 100)), 2u);
    EXPECT_EQ(count.most(range(20, 10)), 1u);
    EXPECT_EQ(count.most(range(30, 10)), 0u);
    count.note(Gpa(25), 0);
    count.clear();
    EXPECT_EQ(count.most(range(0, 100)), 0u);
}

TEST(ReadCount, matchesAnArrayOfCounters) {
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        ReadCount count;
        std::array<unsigned, 64> model{};
        for (uint64_t n = random() % 12; n > 0; --n) {
            const uint64_t first = random() % 64, size = random() % (64 - first) + 1;
            count.note(Gpa(first), size);
            for (uint64_t i = first; i < first + size; ++i)
                ++model[i];
        }
        const uint64_t first = random() % 64, size = random() % (64 - first) + 1;
        EXPECT_EQ(count.most(range(first, size)),
                  *std::max_element(model.begin() + static_cast<std::ptrdiff_t>(first),
                                    model.begin() + static_cast<std::ptrdiff_t>(first + size)));
    }
}

TEST(ReadCount, everyWayOfDevicesIsCounted) {
    if (!kCountsReads) GTEST_SKIP() << "a release build counts nothing";
    virtio::DriverSpace guest;
    ReadCount count;
    guest.space.reads.count_into(&count);
    std::vector<uint8_t> bytes(16);
    DmaSpace dma(guest.space);
    DmaLookup lookup(guest.space);
    ASSERT_TRUE(dma.read(Gpa(0x100), bytes));
    ASSERT_TRUE(lookup.read(Gpa(0x200), bytes));
    DmaMapping from, to;
    from.start(DmaMapping::Direction::FromGuest);
    ASSERT_TRUE(from.add(lookup, Gpa(0x300), 16) && from.finish_adding(lookup));
    to.start(DmaMapping::Direction::ToGuest);
    ASSERT_TRUE(to.add(lookup, Gpa(0x400), 16) && to.finish_adding(lookup));
    for (uint64_t at : {0x100, 0x200, 0x300})
        EXPECT_EQ(count.most(range(at, 16)), 1u) << at;
    EXPECT_EQ(count.most(range(0x400, 16)), 0u) << "what a device only writes";
    ASSERT_TRUE(dma.read(Gpa(0x30f), bytes));
    EXPECT_EQ(count.most(range(0x300, 16)), 2u);
    guest.space.reads.count_into(nullptr);
    ASSERT_TRUE(dma.read(Gpa(0x100), bytes));
    EXPECT_EQ(count.most(range(0x100, 16)), 1u) << "nobody counts any more";
}

}  // namespace
}  // namespace vmm
