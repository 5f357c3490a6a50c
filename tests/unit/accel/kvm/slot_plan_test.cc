// Cutting memory into slots: a table of cases, and the properties that hold for any input.
#include "accel/kvm/slot_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "util/align.h"

namespace vmm::kvm {
namespace {

SlotSpec piece(uint64_t gpa, uint64_t size, uint64_t host, int gmem = -1, uint64_t gmem_offset = 0) {
    return {GpaRange::of(Gpa(gpa), size), host, false, gmem, gmem_offset};
}

TEST(SlotPlan, wholePagesAreOneSlot) {
    auto slots = plan_slots(std::vector{piece(0, 0xa0000, 0x7f0000000000, 5, 0x4000)});
    EXPECT_EQ(slots, (std::vector{piece(0, 0xa0000, 0x7f0000000000, 5, 0x4000)}));
}

TEST(SlotPlan, oddEndsAreLeftOut) {
    auto slots = plan_slots(std::vector{piece(0x1800, 0x2000, 0x7f0000000800, 5, 0x10800)});
    EXPECT_EQ(slots, (std::vector{piece(0x2000, 0x1000, 0x7f0000001000, 5, 0x11000)}));
}

TEST(SlotPlan, lessThanAPageIsNoSlot) {
    EXPECT_TRUE(plan_slots(std::vector{piece(0x1800, 0x800, 0x7f0000000800)}).empty());
    EXPECT_TRUE(plan_slots(std::vector{piece(0x1800, 0x1000, 0x7f0000000800)}).empty());
}

TEST(SlotPlan, shiftedWithinThePageIsNoSlot) {
    EXPECT_TRUE(plan_slots(std::vector{piece(0x1000, 0x4000, 0x7f0000000800)}).empty());
    EXPECT_TRUE(plan_slots(std::vector{piece(0x1000, 0x4000, 0x7f0000000000, 5, 0x800)}).empty());
}

TEST(SlotPlan, largePieceIsSplit) {
    auto slots = plan_slots(std::vector{piece(0x100000000, 5 * kTiB, 0x10000000000, 7, 0x1000)});
    ASSERT_EQ(slots.size(), 2u);
    EXPECT_EQ(slots[0], piece(0x100000000, 4 * kTiB, 0x10000000000, 7, 0x1000));
    EXPECT_EQ(slots[1], piece(0x100000000 + 4 * kTiB, kTiB, 0x10000000000 + 4 * kTiB, 7, 0x1000 + 4 * kTiB));
}

TEST(SlotPlan, endOfTheAddressSpace) {
    auto slots = plan_slots(std::vector{piece(~uint64_t{0} - 0x1fff, 0x2000, 0x7f0000000000)});
    EXPECT_EQ(slots, (std::vector{piece(~uint64_t{0} - 0x1fff, 0x1000, 0x7f0000000000)}));
    EXPECT_TRUE(plan_slots(std::vector{piece(~uint64_t{0} - 0x7ff, 0x800, 0x7f0000000800)}).empty());
}

// Every whole page of a congruent piece is in exactly one slot, at the right host and gmem place; nothing
// else is.
TEST(SlotPlan, randomPiecesKeepTheirPages) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 2000; round++) {
        std::vector<SlotSpec> pieces;
        uint64_t at = 0;
        for (int i = 0; i < 8; i++) {
            at += random() % 0x3000;
            uint64_t size = random() % 0x9000 + 1;
            bool shifted = random() % 4 == 0;
            uint64_t host = 0x7f0000000000 + uint64_t(i) * 0x100000 + (at & 0xfff) + (shifted ? 0x10 : 0);
            pieces.push_back(piece(at, size, host, random() % 2 ? 3 : -1, at & 0xfff));
            if (pieces.back().gmem_fd < 0) pieces.back().gmem_offset = 0;
            at += size;
        }
        uint64_t max = kPageSize * (1 + random() % 4);
        std::vector<SlotSpec> slots = plan_slots(pieces, max);
        for (size_t i = 0; i < slots.size(); i++) {
            ASSERT_TRUE(slots[i].range.aligned(kPageSize));
            ASSERT_TRUE(is_aligned(slots[i].host_address | slots[i].gmem_offset, kPageSize));
            ASSERT_LE(slots[i].range.size(), max);
            if (i > 0) {
                ASSERT_LT(slots[i - 1].range.last(), slots[i].range.first());
            }
        }
        for (uint64_t page = 0; page < at + 0x2000; page += kPageSize) {
            GpaRange range = GpaRange::of(Gpa(page), kPageSize);
            const SlotSpec* expected = nullptr;
            for (const SlotSpec& p : pieces)
                if (p.range.contains(range) && is_aligned(p.host_address - p.range.first().raw(), kPageSize))
                    expected = &p;
            const SlotSpec* got = nullptr;
            for (const SlotSpec& s : slots)
                if (s.range.overlaps(range)) got = &s;
            ASSERT_EQ(expected != nullptr, got != nullptr) << "page " << page;
            if (got == nullptr) continue;
            uint64_t host = got->host_address + (range.first() - got->range.first());
            ASSERT_EQ(host, expected->host_address + (range.first() - expected->range.first()));
            ASSERT_EQ(got->gmem_fd, expected->gmem_fd);
        }
    }
}

}  // namespace
}  // namespace vmm::kvm
