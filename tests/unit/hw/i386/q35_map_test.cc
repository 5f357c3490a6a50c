// The q35 memory map: pinned addresses, and properties that hold for every size.
#include "hw/i386/q35_map.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace vmm {
namespace {

struct Pinned {
    uint64_t ram;
    uint64_t max_below;
    uint64_t below;
    uint64_t above;
};

TEST(Q35Map, SplitIsPinned) {
    const Pinned cases[] = {
        {128 * kMiB, 0, 128 * kMiB, 0},
        {2 * kGiB, 0, 2 * kGiB, 0},
        {2816 * kMiB - kPageSize, 0, 2816 * kMiB - kPageSize, 0},
        {2816 * kMiB, 0, 2 * kGiB, 768 * kMiB},
        {4 * kGiB, 0, 2 * kGiB, 2 * kGiB},
        {4 * kGiB, kGiB, kGiB, 3 * kGiB},
    };
    for (const Pinned& c : cases) {
        auto map = lay_out_q35({.ram_size = c.ram, .max_ram_below_4g = c.max_below});
        ASSERT_TRUE(map) << map.error().message();
        EXPECT_EQ(map->ram_below.size(), c.below);
        EXPECT_EQ(map->ram_above ? map->ram_above->size() : 0, c.above);
    }
}

TEST(Q35Map, FirmwareEndsAtFourGiBAndShowsBelowOneMiB) {
    auto map = lay_out_q35({.ram_size = kGiB, .firmware_size = 256 * kKiB});
    ASSERT_TRUE(map);
    EXPECT_EQ(map->firmware->first().raw(), 0xfffc0000u);
    EXPECT_EQ(map->isa_bios->first().raw(), 0xe0000u);
    EXPECT_EQ(map->isa_bios->last().raw(), 0xfffffu);
    auto small = lay_out_q35({.ram_size = kGiB, .firmware_size = 64 * kKiB});
    EXPECT_EQ(small->isa_bios->first().raw(), 0xf0000u);
    EXPECT_FALSE(lay_out_q35({.ram_size = kGiB})->firmware);
}

TEST(Q35Map, PciWindows) {
    auto map = lay_out_q35({.ram_size = 5 * kGiB});
    ASSERT_TRUE(map);
    EXPECT_EQ(map->pci_hole.first().raw(), 0xc0000000u);
    EXPECT_EQ(map->pci_hole.last().raw(), 0xfebfffffu);
    EXPECT_EQ(map->pci_hole64->first().raw(), 7 * kGiB);
    EXPECT_EQ(map->pci_hole64->size(), 32 * kGiB);
}

TEST(Q35Map, RefusesWhatCannotBe) {
    EXPECT_FALSE(lay_out_q35({.ram_size = 0}));
    EXPECT_FALSE(lay_out_q35({.ram_size = kGiB + 1}));
    EXPECT_FALSE(lay_out_q35({.ram_size = 512 * kKiB}));
    EXPECT_FALSE(lay_out_q35({.ram_size = kGiB, .max_ram_below_4g = 3 * kGiB}));
    EXPECT_FALSE(lay_out_q35({.ram_size = kGiB, .firmware_size = 17 * kMiB}));
    EXPECT_FALSE(lay_out_q35({.ram_size = kGiB, .firmware_size = 1000}));
    auto big = lay_out_q35({.ram_size = 64 * kGiB, .phys_bits = 36});
    ASSERT_FALSE(big);
    EXPECT_NE(big.error().message().find("36 physical address bits"), std::string::npos)
        << big.error().message();
}

TEST(Q35Map, NothingOverlapsWhateverTheSizes) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20000; ++i) {
        Q35MapRequest request;
        request.ram_size = kMiB + random() % (uint64_t{1} << (24 + random() % 18)) / kPageSize * kPageSize;
        request.firmware_size = random() % 4097 * kPageSize;
        request.phys_bits = 46;
        auto map = lay_out_q35(request);
        ASSERT_TRUE(map) << map.error().message();
        std::vector<GpaRange> ranges = {map->ram_below,
                                        map->ecam,
                                        map->pci_hole,
                                        GpaRange::of(Gpa(kIoApicBase), kIoApicSize),
                                        GpaRange::of(Gpa(kHpetBase), kHpetSize),
                                        GpaRange::of(Gpa(kLocalApicBase), kLocalApicSize),
                                        GpaRange::of(Gpa(kIdentityMapBase), 4 * kPageSize)};
        for (const auto& range : {map->ram_above, map->pci_hole64, map->firmware})
            if (range) ranges.push_back(*range);
        uint64_t ram = map->ram_below.size() + (map->ram_above ? map->ram_above->size() : 0);
        ASSERT_EQ(ram, request.ram_size);
        for (size_t a = 0; a < ranges.size(); ++a)
            for (size_t b = a + 1; b < ranges.size(); ++b)
                ASSERT_FALSE(ranges[a].overlaps(ranges[b])) << a << " and " << b;
    }
}

}  // namespace
}  // namespace vmm
