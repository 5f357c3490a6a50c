// The DMA controllers' registers.
#include "hw/isa/dma8237.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

TEST(Dma8237, countersAreReadByTheFlipFlop) {
    Dma8237 dma;
    dma.first().write(0x0c, 0, 1);
    dma.first().write(0x02, 0x34, 1);
    dma.first().write(0x02, 0x12, 1);
    EXPECT_EQ(dma.first().read(0x02, 1), 0x34u);
    EXPECT_EQ(dma.first().read(0x02, 1), 0x12u);
    EXPECT_EQ(dma.first().read(0x03, 1), 0x00u);
    dma.first().write(0x0c, 0, 1);
    EXPECT_EQ(dma.first().read(0x02, 1), 0x34u);
}

TEST(Dma8237, masksAndReset) {
    Dma8237 dma;
    EXPECT_EQ(dma.second().read(0x1e, 1), 0xffu);
    dma.second().write(0x14, 0x02, 1);
    EXPECT_EQ(dma.second().read(0x1e, 1), 0xfbu);
    dma.second().write(0x1c, 0, 1);
    EXPECT_EQ(dma.second().read(0x1e, 1), 0xf0u);
    dma.second().write(0x1a, 0, 1);
    EXPECT_EQ(dma.second().read(0x1e, 1), 0xffu);
    EXPECT_EQ(dma.first().read(0x08, 1), 0u);
}

TEST(Dma8237, pagesKeepWhatIsWritten) {
    Dma8237 dma;
    dma.pages().write(0x07, 0x5a, 1);
    EXPECT_EQ(dma.pages().read(0x07, 1), 0x5au);
    dma.reset_hold();
    EXPECT_EQ(dma.pages().read(0x07, 1), 0u);
}

}  // namespace
}  // namespace vmm
