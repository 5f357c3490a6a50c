// The flash's commands as firmware uses them: what reads give in each mode, what the store is told, and when
// the array is memory again.
#include "hw/nvram/pflash_cfi.h"

#include <gtest/gtest.h>

#include <cstring>

#include "system/memory/address_space.h"

namespace vmm {
namespace {

struct Recorder final : FlashStore {
    void changed(uint64_t offset, uint64_t bytes) override { ranges.emplace_back(offset, bytes); }
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
};

class Pflash : public testing::Test {
  protected:
    static constexpr uint64_t kBase = 0x100000, kSize = 64 * 1024;
    explicit Pflash(bool readonly = false)
        : chip(PflashCfi::Config{.readonly = readonly}, *contents, topology, &store) {
        std::memset(contents->data(), 0xff, kSize);
        contents->data()[0] = 0x5a;
        topology.add(system, chip.region(), kBase);
        chip.reset_hold();
    }
    ~Pflash() override { topology.remove(chip.region()); }
    void put(uint64_t offset, uint64_t value, unsigned size = 1) {
        ASSERT_EQ(memory.write(Gpa(kBase + offset),
                               {static_cast<const uint8_t*>(static_cast<void*>(&value)), size}),
                  AccessResult::Ok);
    }
    uint64_t get(uint64_t offset, unsigned size = 1) {
        uint64_t value = 0;
        (void)memory.read(Gpa(kBase + offset), {static_cast<uint8_t*>(static_cast<void*>(&value)), size});
        return value;
    }
    bool is_memory() const { return chip_region().rom_device_mode() == RomDeviceMode::Memory; }
    MemoryRegion& chip_region() const { return const_cast<PflashCfi&>(chip).region(); }

    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    AddressSpace memory{topology, system, "memory"};
    std::unique_ptr<RamBlock> contents = RamBlock::anonymous("flash", kSize).take_value();
    Recorder store;
    PflashCfi chip;
};

TEST_F(Pflash, FirmwareTellsItFromRamAndRom) {
    EXPECT_EQ(get(0), 0x5au);
    put(0, 0x50);
    EXPECT_EQ(get(0), 0x5au) << "clearing the status leaves the array readable";
    put(0, 0x70);
    EXPECT_EQ(get(0), 0u) << "the cleared status";
    EXPECT_FALSE(is_memory());
    put(0, 0xff);
    EXPECT_EQ(get(0), 0x5au);
    EXPECT_TRUE(is_memory());
    EXPECT_TRUE(store.ranges.empty());
}

TEST_F(Pflash, ProgrammingClearsBitsAndErasingSetsThem) {
    put(5, 0x40);
    put(5, 0xf0);
    EXPECT_EQ(get(5), 0x80u) << "ready";
    put(5, 0x10);
    put(5, 0x3c);
    put(5, 0xff);
    EXPECT_EQ(get(5), 0x30u);
    EXPECT_EQ(get(0), 0x5au);
    put(0x1234, 0x20);
    put(0x1234, 0xd0);
    put(8, 0x20);
    put(8, 0xd0);
    EXPECT_EQ(get(0), 0x80u);
    put(8, 0xff);
    EXPECT_EQ(get(0), 0xffu);
    EXPECT_EQ(get(5), 0xffu);
    EXPECT_EQ(store.ranges,
              (std::vector<std::pair<uint64_t, uint64_t>>{{5, 1}, {5, 1}, {0x1000, 4096}, {0, 4096}}));
}

TEST_F(Pflash, ABufferIsProgrammedWhole) {
    put(0x800, 0xe8);
    EXPECT_EQ(get(0x800), 0x80u);
    put(0x800, 1);  // two writes
    put(0x802, 0x11, 1);
    put(0x804, 0x3344, 2);
    EXPECT_TRUE(store.ranges.empty());
    put(0x800, 0xd0);
    put(0x800, 0xff);
    EXPECT_EQ(get(0x800, 8), 0xffff3344ff11ffffu);
    EXPECT_EQ(store.ranges, (std::vector<std::pair<uint64_t, uint64_t>>{{0x802, 4}}));
}

TEST_F(Pflash, WrongSequencesSetErrorBitsAndChangeNothing) {
    put(0, 0x20);
    put(0, 0x55);
    EXPECT_EQ(get(0), 0xb0u) << "command sequence error";
    put(0, 0x50);
    put(0, 0xe8);
    put(0, 0);
    put(0x900, 1);  // outside the buffer
    EXPECT_EQ(get(0), 0x90u);
    put(0, 0xe8);
    put(0, 0);
    put(1, 1);
    put(0, 0x55);  // not confirmed
    EXPECT_EQ(get(0) & 0x30, 0x30u);
    put(0, 0x33);  // no command
    EXPECT_EQ(get(0), 0x5au);
    EXPECT_TRUE(store.ranges.empty());
}

TEST_F(Pflash, SaysWhatItIs) {
    put(0x55, 0x98);
    EXPECT_EQ(get(0x10), 'Q');
    EXPECT_EQ(get(0x11), 'R');
    EXPECT_EQ(get(0x12), 'Y');
    EXPECT_EQ(get(0x27), 16u) << "2^16 bytes";
    EXPECT_EQ(get(0x2d, 4), 0x0010000fu) << "16 blocks of 16 * 256 bytes";
    put(0, 0x90);
    EXPECT_EQ(get(0), 0x89u);
    EXPECT_EQ(get(1), 0x18u);
    chip.reset_hold();
    EXPECT_EQ(get(0), 0x5au);
}

class ReadonlyPflash : public Pflash {
  protected:
    ReadonlyPflash() : Pflash(true) {}
};
TEST_F(ReadonlyPflash, NothingIsProgrammedOrErased) {
    put(1, 0x40);
    put(1, 0);
    EXPECT_EQ(get(1), 0x90u);
    put(0, 0x20);
    put(0, 0xd0);
    EXPECT_EQ(get(1), 0xb0u);
    put(0, 0xff);
    EXPECT_EQ(get(0), 0x5au);
    EXPECT_TRUE(store.ranges.empty());
}

}  // namespace
}  // namespace vmm
