// Status bits are raised by the machine and cleared by writing ones; enable bits are plain.
#include "hw/acpi/gpe.h"

#include <gtest/gtest.h>

namespace vmm::acpi {
namespace {

constexpr uint32_t kAll = 0xffffffff;

TEST(Gpe, EveryEventHasItsBitAndPendsOnlyWhenEnabled) {
    for (unsigned event = 0; event < GpeBlock::kEvents; ++event) {
        GpeBlock gpe;
        gpe.raise(event);
        const unsigned status = event / 32 * 4, enable = 8 + status;
        EXPECT_EQ(gpe.load(status), 1u << event % 32);
        EXPECT_EQ(gpe.load(4 - status), 0u);
        EXPECT_FALSE(gpe.pending());
        gpe.store(enable, ~(1u << event % 32), kAll);
        EXPECT_FALSE(gpe.pending());
        gpe.store(enable, 1u << event % 32, kAll);
        EXPECT_TRUE(gpe.pending());
        gpe.store(status, 1u << event % 32, kAll);
        EXPECT_FALSE(gpe.pending());
        EXPECT_EQ(gpe.load(status), 0u);
    }
}

TEST(Gpe, WritingZeroClearsNothing) {
    GpeBlock gpe;
    gpe.raise(1);
    gpe.raise(2);
    gpe.store(0, 0, kAll);
    EXPECT_EQ(gpe.load(0), 6u);
    gpe.store(0, 2, kAll);
    EXPECT_EQ(gpe.load(0), 4u);
}

TEST(Gpe, BytesOutsideTheLanesStay) {
    GpeBlock gpe;
    gpe.raise(0);
    gpe.raise(8);
    gpe.store(0, kAll, 0xff00);
    EXPECT_EQ(gpe.load(0), 1u);
    gpe.store(8, kAll, kAll);
    gpe.store(8, 0, 0xff0000);
    EXPECT_EQ(gpe.load(8), 0xff00ffffu);
    EXPECT_EQ(gpe.load(12), 0u);
}

TEST(Gpe, ResetClearsAll) {
    GpeBlock gpe;
    gpe.raise(40);
    gpe.store(12, kAll, kAll);
    EXPECT_TRUE(gpe.pending());
    gpe.reset();
    EXPECT_FALSE(gpe.pending());
    EXPECT_EQ(gpe.load(4), 0u);
    EXPECT_EQ(gpe.load(12), 0u);
}

}  // namespace
}  // namespace vmm::acpi
