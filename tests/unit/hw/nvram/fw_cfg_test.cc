// The fw_cfg device: selector and data port, DMA reads, skips and writes, and what a careless guest gets.
#include "hw/nvram/fw_cfg.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "system/memory/address_space.h"
#include "system/memory/dma_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "tests/fakes/reads_once.h"
#include "util/endian.h"

namespace vmm {
namespace {

constexpr uint64_t kRamSize = 1 * kMiB;
constexpr uint64_t kRequest = 0x1000;
constexpr uint64_t kBuffer = 0x2000;

class FwCfgTest : public ::testing::Test {
  protected:
    FwCfgTest() {
        topology_.add(memory_root_, ram_region_, 0);
        EXPECT_TRUE(device_.items().add_file("etc/data", {1, 2, 3, 4, 5}));
        EXPECT_TRUE(device_.items().add_file("etc/writable", {0, 0, 0, 0}, [this] { ++writes_; }));
        device_.reset_hold();
    }

    void select(uint16_t key) { io_.store(Gpa(0x510), key, 2); }
    uint8_t data() { return static_cast<uint8_t>(io_.load(Gpa(0x511), 1)); }
    // Runs a DMA request, of which no byte is read twice; the control word that came back.
    uint32_t dma(uint32_t control, uint32_t length, uint64_t address, uint64_t request = kRequest) {
        std::vector<uint8_t> raw(16);
        store_be(raw.data(), control);
        store_be(raw.data() + 4, length);
        store_be(raw.data() + 8, address);
        EXPECT_TRUE(dma_.write(Gpa(kRequest), raw));
        {
            const ReadsOnce reads(memory_);
            io_.store(Gpa(0x514), swap_bytes(static_cast<uint32_t>(request >> 32)), 4);
            io_.store(Gpa(0x518), swap_bytes(static_cast<uint32_t>(request)), 4);
            reads.expect(0, kRamSize, "the request or its data");
        }
        std::vector<uint8_t> answer(4);
        EXPECT_TRUE(dma_.read(Gpa(kRequest), answer));
        return load_be<uint32_t>(answer.data());
    }
    std::vector<uint8_t> buffer(size_t size) {
        std::vector<uint8_t> bytes(size);
        EXPECT_TRUE(dma_.read(Gpa(kBuffer), bytes));
        return bytes;
    }

    static constexpr uint32_t kSelectData = (0x20u << 16) | 8;
    static constexpr uint32_t kSelectWritable = (0x21u << 16) | 8;
    static constexpr uint32_t kRead = 2, kSkip = 4, kWrite = 16, kError = 1;

    Topology topology_;
    MemoryRegion memory_root_ = MemoryRegion::container("memory", MemoryRegion::kWholeSpace);
    MemoryRegion io_root_ = MemoryRegion::container("io", 0x10000);
    std::unique_ptr<RamBlock> ram_ = RamBlock::anonymous("ram", kRamSize).take_value();
    MemoryRegion ram_region_ = MemoryRegion::ram("ram", *ram_);
    AddressSpace memory_{topology_, memory_root_, "memory"};
    AddressSpace ports_{topology_, io_root_, "I/O"};
    AddressSpace::Lookup io_{ports_};
    DmaSpace dma_{memory_};
    int writes_ = 0;
    FwCfg device_{topology_, io_root_, dma_};
};

TEST_F(FwCfgTest, SignatureAndFeatures) {
    select(0);
    std::string text;
    for (int i = 0; i < 4; ++i)
        text += static_cast<char>(data());
    EXPECT_EQ(text, "QEMU");
    select(1);
    EXPECT_EQ(data(), 3);
    EXPECT_EQ(data(), 0);
}

TEST_F(FwCfgTest, ReadsPastTheEndAreZero) {
    select(0x20);
    for (int i = 1; i <= 5; ++i)
        EXPECT_EQ(data(), i);
    EXPECT_EQ(data(), 0);
    select(0x7777);
    EXPECT_EQ(data(), 0);
}

TEST_F(FwCfgTest, DmaRegisterShowsTheSignature) {
    std::string text;
    for (unsigned i = 0; i < 8; ++i)
        text += static_cast<char>(io_.load(Gpa(0x514 + i), 1));
    EXPECT_EQ(text, "QEMU CFG");
    EXPECT_EQ(io_.load(Gpa(0x514), 4), 0x554d4551u);
}

TEST_F(FwCfgTest, DmaReadsSkipsAndZeroFills) {
    EXPECT_EQ(dma(kSelectData | kSkip, 2, 0), 0u);
    EXPECT_EQ(dma(kRead, 6, kBuffer), 0u);
    EXPECT_EQ(buffer(6), (std::vector<uint8_t>{3, 4, 5, 0, 0, 0}));
}

TEST_F(FwCfgTest, DmaWritesOnlyWritableItemsWithinTheirSize) {
    std::vector<uint8_t> bytes = {9, 8, 7};
    ASSERT_TRUE(dma_.write(Gpa(kBuffer), bytes));
    EXPECT_EQ(dma(kSelectWritable | kWrite, 3, kBuffer), 0u);
    EXPECT_EQ(writes_, 1);
    EXPECT_EQ(device_.items().find(0x21)->bytes, (std::vector<uint8_t>{9, 8, 7, 0}));
    EXPECT_EQ(dma(kWrite, 2, kBuffer), kError);  // 3 + 2 > 4
    EXPECT_EQ(dma(kSelectData | kWrite, 1, kBuffer), kError);
    EXPECT_EQ(writes_, 1);
}

TEST_F(FwCfgTest, DmaOutsideRamIsAnError) {
    EXPECT_EQ(dma(kSelectData | kRead, 5, kRamSize - 2), kError);
    EXPECT_EQ(dma(kSelectData | kRead, 0xffffffff, kBuffer), kError);
    dma(kSelectData | kRead, 5, kBuffer, 0xfffffffffffffff8);  // the request itself is nowhere: ignored
    select(0x20);
    EXPECT_EQ(data(), 1);
}

TEST_F(FwCfgTest, OddAccessesAreHarmless) {
    io_.store(Gpa(0x510), 0x20, 1);
    io_.store(Gpa(0x511), 0x20, 1);
    EXPECT_EQ(io_.load(Gpa(0x510), 1), 0xffu);
    EXPECT_EQ(io_.load(Gpa(0x510), 2), 0xffffu);
}

}  // namespace
}  // namespace vmm
