// Where memory modules go: cases, and any order of coming and going against a plain search.
#include "hw/mem/address_plan.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "util/align.h"

namespace vmm {
namespace {

const GpaRange kWindow = GpaRange::of(Gpa(0x100000000), 0x1000);

PlacedModule placed(uint64_t first, uint64_t size) {
    return {GpaRange::of(Gpa(first), size), "there"};
}

TEST(AddressPlan, theLowestFreePlaceIsTaken) {
    const std::vector<PlacedModule> there = {placed(0x100000800, 0x100), placed(0x100000000, 0x200)};
    EXPECT_EQ(plan_module(kWindow, there, {.size = 0x100, .alignment = 0x100})->first().raw(), 0x100000200u);
    EXPECT_EQ(plan_module(kWindow, there, {.size = 0x400, .alignment = 0x400})->first().raw(), 0x100000400u);
    EXPECT_EQ(plan_module(kWindow, there, {.size = 0x700, .alignment = 0x100})->first().raw(), 0x100000900u);
    EXPECT_EQ(plan_module(kWindow, {}, {.size = 0x1000, .alignment = 0x1000})->first().raw(), 0x100000000u);
}

TEST(AddressPlan, whatCannotBeIsNamed) {
    const std::vector<PlacedModule> there = {placed(0x100000800, 0x100)};
    const struct {
        ModuleRequest request;
        const char* message;
    } rows[] = {
        {{0x150, 0x100, 0}, "backend memory size must be multiple of 0x100"},
        {{0, 0x100, 0}, "backend memory size must be multiple of 0x100"},
        {{0x100, 0x100, 0x100000080}, "address must be aligned to 0x100 bytes"},
        {{0x100, 0x100, 0xffffff00},
         "can't add memory device [0xffffff00:0x100], usable range for memory devices [0x100000000:0x1000]"},
        {{0x200, 0x100, 0x100000f00},
         "can't add memory device [0x100000f00:0x200], usable range for memory devices [0x100000000:0x1000]"},
        {{0x200, 0x100, 0x100000700}, "address range conflicts with memory device id='there'"},
        {{0x900, 0x100, 0},
         "could not find position in guest address space for memory device - memory fragmented due to "
         "alignments"},
        {{1ull << 63, 1ull << 62, 0},
         "could not find position in guest address space for memory device - memory fragmented due to "
         "alignments"},
    };
    for (const auto& row : rows) {
        Result<GpaRange> got = plan_module(kWindow, there, row.request);
        ASSERT_FALSE(got) << row.message;
        EXPECT_EQ(got.error().message(), row.message);
    }
}

// The first place of the alignment where nothing is.
std::optional<uint64_t> search(const std::vector<PlacedModule>& there, uint64_t size, uint64_t alignment) {
    for (uint64_t at = align_up(kWindow.first().raw(), alignment); at + size - 1 <= kWindow.last().raw();
         at += alignment) {
        const GpaRange range = GpaRange::of(Gpa(at), size);
        bool free = true;
        for (const PlacedModule& other : there)
            free &= !other.range.overlaps(range);
        if (free) return at;
    }
    return std::nullopt;
}

TEST(AddressPlan, anyComingAndGoingFindsWhatASearchFinds) {
    std::mt19937 random(7);
    std::vector<PlacedModule> there;
    for (int i = 0; i < 20000; ++i) {
        if (!there.empty() && random() % 3 == 0) {
            there.erase(there.begin() + static_cast<ptrdiff_t>(random() % there.size()));
            continue;
        }
        const uint64_t alignment = 0x10ull << random() % 6;
        const uint64_t size = alignment * (1 + random() % 8);
        const std::optional<uint64_t> wanted = search(there, size, alignment);
        Result<GpaRange> got = plan_module(kWindow, there, {.size = size, .alignment = alignment});
        ASSERT_EQ(static_cast<bool>(got), wanted.has_value());
        if (!got) continue;
        ASSERT_EQ(got->first().raw(), *wanted);
        ASSERT_EQ(got->size(), size);
        there.push_back({*got, "there"});
    }
}

}  // namespace
}  // namespace vmm
