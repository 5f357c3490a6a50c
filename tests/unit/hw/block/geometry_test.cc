// Geometry and block sizes: defaults, limits, what does not fit together.
#include "hw/block/geometry.h"

#include <gtest/gtest.h>

#include "hw/block/disk_config.h"

namespace vmm {
namespace {

TEST(Geometry, defaultIsWhatLargeDisksSay) {
    EXPECT_EQ(default_geometry(131072), (Geometry{130, 16, 63}));
    EXPECT_EQ(default_geometry(1), (Geometry{2, 16, 63}));
    EXPECT_EQ(default_geometry(uint64_t{1} << 40), (Geometry{16383, 16, 63}));
}

TEST(Geometry, limitsAreTheBusS) {
    GeometryConfig config{.cyls = 100, .heads = 17, .secs = 63};
    EXPECT_FALSE(check_geometry(config, kAtaGeometryLimits));
    EXPECT_TRUE(check_geometry(config, kWideGeometryLimits));
    config = {.cyls = 65536, .heads = 1, .secs = 1};
    EXPECT_FALSE(check_geometry(config, kAtaGeometryLimits));
    config = {.cyls = 1};
    EXPECT_FALSE(check_geometry(config, kAtaGeometryLimits)) << "one value without the others";
    EXPECT_TRUE(check_geometry({}, kAtaGeometryLimits));
    config = {.lcyls = 1024, .lheads = 255, .lsecs = 63};
    EXPECT_TRUE(check_geometry(config, kAtaGeometryLimits));
    EXPECT_EQ(bios_geometry(config), (Geometry{1024, 255, 63}));
    EXPECT_EQ(physical_geometry(config, 131072), (Geometry{130, 16, 63}));
    config = {.lheads = 255};
    EXPECT_TRUE(check_geometry(config, kAtaGeometryLimits));
    EXPECT_EQ(bios_geometry(config), (Geometry{0, 255, 0}));
    EXPECT_FALSE(bios_geometry({}));
}

TEST(BlockSizes, defaultsFollowTheLogicalSize) {
    DiskConfig config;
    Result<BlockSizes> sizes = block_sizes(config, 512);
    ASSERT_TRUE(sizes);
    EXPECT_EQ(sizes->logical, 512u);
    EXPECT_EQ(sizes->physical, 512u);
    EXPECT_EQ(sizes->discard, 512u);
    config.logical_block_size = Size(4096);
    sizes = block_sizes(config, 512);
    ASSERT_TRUE(sizes);
    EXPECT_EQ(sizes->physical, 4096u);
    EXPECT_EQ(sizes->discard, 4096u);
    config.discard_granularity = Size(0);
    EXPECT_EQ(block_sizes(config, 512)->discard, 0u);
}

TEST(BlockSizes, refusals) {
    for (uint64_t bad : {uint64_t{0}, uint64_t{256}, uint64_t{1000}, uint64_t{4} << 20}) {
        DiskConfig config;
        config.logical_block_size = Size(bad);
        EXPECT_FALSE(block_sizes(config, 512)) << bad;
    }
    DiskConfig config;
    config.logical_block_size = Size(4096);
    config.physical_block_size = Size(512);
    EXPECT_FALSE(block_sizes(config, 512));
    config = {};
    config.min_io_size = Size(700);
    EXPECT_FALSE(block_sizes(config, 512));
    config.min_io_size = Size(uint64_t{1} << 33);
    EXPECT_FALSE(block_sizes(config, 512));
    config = {};
    config.discard_granularity = Size(513);
    EXPECT_FALSE(block_sizes(config, 512));
}

}  // namespace
}  // namespace vmm
