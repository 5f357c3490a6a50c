// The host bridge: which bits of each register stick, and what they do to the memory map.
#include "hw/i386/mch.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/i386/chipset_fixture.h"

namespace vmm {
namespace {

using namespace mch;

TEST(MchRegisters, EcamWindowFollowsItsLength) {
    EXPECT_EQ(ecam_window(0xb0000001), GpaRange::of(Gpa(0xb0000000), 256 * kMiB));
    EXPECT_EQ(ecam_window(0xf'b0000001), GpaRange::of(Gpa(0xf'b0000000), 256 * kMiB));
    EXPECT_EQ(ecam_window(0xbc000001), GpaRange::of(Gpa(0xb0000000), 256 * kMiB));
    EXPECT_EQ(ecam_window(0xbc000003), GpaRange::of(Gpa(0xb8000000), 128 * kMiB));
    EXPECT_EQ(ecam_window(0xbc000005), GpaRange::of(Gpa(0xbc000000), 64 * kMiB));
    EXPECT_EQ(ecam_window(0xb0000007), std::nullopt);  // reserved length
    EXPECT_EQ(ecam_window(0xb0000000), std::nullopt);
    EXPECT_EQ(ecam_window(0xffff'fff0'b0000001), GpaRange::of(Gpa(0xb0000000), 256 * kMiB));
}

TEST(MchRegisters, SmramViewByTable) {
    const uint64_t extended = 16 * kMiB;
    struct Case {
        uint8_t smram, esmramc;
        SmramView view;
    };
    const Case cases[] = {
        {0x02, 0x38, {}},
        {0x42, 0x39, {}},                       // not enabled at all
        {0x4a, 0x38, {.legacy_is_ram = true}},  // open
        {0x5a, 0x38, {}},                       // the lock closes
        {0x6a, 0x38, {}},                       // open and closed: data stays out
        {0x4a, 0xb8, {.high_is_ram = true}},
        {0x0a, 0xb8, {}},
        {0x0a, 0x39, {.tseg_size = kMiB}},
        {0x0a, 0x3b, {.tseg_size = 2 * kMiB}},
        {0x0a, 0x3d, {.tseg_size = 8 * kMiB}},
        {0x0a, 0x3f, {.tseg_size = 16 * kMiB}},
        {0x4a, 0x3f, {.legacy_is_ram = true}},  // TSEG is open too
        {0x1a, 0x3f, {.tseg_size = 16 * kMiB}},
    };
    for (const Case& c : cases)
        EXPECT_EQ(smram_view(c.smram, c.esmramc, extended), c.view)
            << std::hex << unsigned{c.smram} << " " << unsigned{c.esmramc};
}

class MchTest : public ::testing::Test {
  protected:
    uint32_t get(unsigned offset, unsigned size = 1) { return w.mch.config_read(offset, size); }
    void set(unsigned offset, uint32_t value, unsigned size = 1) { w.mch.config_write(offset, value, size); }
    ChipsetWorld w;
};

TEST_F(MchTest, IsTheQ35HostBridge) {
    EXPECT_EQ(get(0x00, 4), 0x29c08086u);
    EXPECT_EQ(get(0x08, 4), 0x06000000u);
    EXPECT_EQ(get(0x0e), 0u);
    EXPECT_EQ(get(0x2c, 4), 0x11001af4u);
    EXPECT_EQ(get(0x3d), 0u);
    EXPECT_EQ(get(0x04, 2), 6u);
}

// Every byte of device-specific space: reset value, all ones written, zero written.
TEST_F(MchTest, BitsThatStickByTable) {
    struct Field {
        unsigned offset;
        uint8_t reset, ones, zeros;
    };
    const Field fields[] = {
        {0x50, 0, 0xff, 0},
        {0x51, 0, 0xff, 0},
        // PCIEXBAR, byte by byte: the reserved length leaves no address bits below 28.
        {0x60, 0, 0x07, 0},
        {0x63, 0xb0, 0xfc, 0},
        {0x64, 0, 0x0f, 0},
        {0x90, 0, 0x30, 0},
        {0x91, 0, 0x33, 0},
        {0x92, 0, 0x33, 0},
        {0x93, 0, 0x33, 0},
        {0x94, 0, 0x33, 0},
        {0x95, 0, 0x33, 0},
        {0x96, 0, 0x33, 0},
        {0x9c, 0, 0x01, 0},
        {0x9d, 0x02, 0x3a, 0x02},
        {0x9e, 0x38, 0xbf, 0x38},
    };
    for (unsigned offset = 0x40; offset < 0x100; ++offset) {
        Field expected = {offset, 0, 0, 0};
        for (const Field& f : fields)
            if (f.offset == offset) expected = f;
        w.reset();
        EXPECT_EQ(get(offset), expected.reset) << std::hex << offset;
        // PCIEXBAR's top byte depends on the length beside it: 256 MiB after reset.
        const uint8_t ones = offset == 0x63 ? 0xf0 : expected.ones;
        set(offset, 0xff);
        EXPECT_EQ(get(offset), ones) << std::hex << offset;
        w.reset();
        set(offset, 0);
        EXPECT_EQ(get(offset), expected.zeros) << std::hex << offset;
    }
}

TEST_F(MchTest, EcamAppearsMovesAndGoes) {
    const auto id_at = [&](uint64_t at) { return w.memory.load(Gpa(at), 4); };
    EXPECT_EQ(id_at(0xb0000000), 0xffffffffu);
    set(0x60, 0xb0000001, 4);
    EXPECT_EQ(id_at(0xb0000000), 0x29c08086u);
    EXPECT_EQ(id_at(0xb0000000 + (0x1f << 15)), 0x29188086u);
    set(0x64, 0x1, 4);
    EXPECT_EQ(id_at(0xb0000000), 0xffffffffu);
    EXPECT_EQ(id_at(0x1'b0000000), 0x29c08086u);
    set(0x64, 0, 4);
    set(0x60, 0xbc000005, 4);
    EXPECT_EQ(id_at(0xbc000000), 0x29c08086u);
    EXPECT_EQ(id_at(0xc0000000), 0xffffffffu);
    EXPECT_EQ(id_at(0xb0000000), 0xffffffffu);
    // Through the window itself.
    w.memory.store(Gpa(0xbc000060), 0xe0000001, 4);
    EXPECT_EQ(id_at(0xe0000000), 0x29c08086u);
    EXPECT_EQ(id_at(0xbc000000), 0xffffffffu);
    w.memory.store(Gpa(0xe0000060), 0xe0000007, 4);
    EXPECT_EQ(id_at(0xe0000000), 0xffffffffu);
    set(0x60, 0xe0000001, 4);
    w.reset();
    EXPECT_EQ(id_at(0xe0000000), 0xffffffffu);
    EXPECT_EQ(get(0x60, 4), 0xb0000000u);
}

TEST_F(MchTest, OneDwordOfPamIsOneChangeOfTheMap) {
    const uint64_t before = w.topology.generation();
    set(0x90, 0x33333330, 4);
    EXPECT_EQ(w.topology.generation(), before + 1);
    set(0x90, 0x33333330, 4);
    EXPECT_EQ(w.topology.generation(), before + 1);
}

TEST_F(MchTest, PamDecidesAboutWritesAndResetUndoesIt) {
    auto rom_block = RamBlock::anonymous("rom", 0x10000).take_value();
    MemoryRegion rom = MemoryRegion::rom("rom", *rom_block);
    rom_block->bytes()[0] = 0x99;
    w.topology.add(w.pci, rom, 0xf0000);
    EXPECT_EQ(w.memory.load(Gpa(0xf0000), 1), 0x99u);
    set(0x90, 0x30);
    w.memory.store(Gpa(0xf0000), 0x42, 1);
    EXPECT_EQ(w.memory.load(Gpa(0xf0000), 1), 0x42u);
    set(0x90, 0x10);
    w.memory.store(Gpa(0xf0000), 0x43, 1);
    EXPECT_EQ(w.memory.load(Gpa(0xf0000), 1), 0x42u);
    w.reset();
    EXPECT_EQ(w.memory.load(Gpa(0xf0000), 1), 0x99u);
    EXPECT_EQ(get(0x90), 0u);
    w.topology.remove(rom);
}

TEST_F(MchTest, LegacyWindowShowsPciUntilOpened) {
    auto vga_block = RamBlock::anonymous("vga", 0x20000).take_value();
    MemoryRegion vga = MemoryRegion::ram("vga", *vga_block);
    w.topology.add(w.pci, vga, 0xa0000);
    w.memory.store(Gpa(0xa0000), 0x77, 1);
    EXPECT_EQ(vga_block->bytes()[0], 0x77);
    set(0x9d, 0x4a);
    EXPECT_EQ(w.memory.load(Gpa(0xa0000), 1), 0u);
    w.memory.store(Gpa(0xbffff), 0x66, 1);
    EXPECT_EQ(w.ram_block->bytes()[0xbffff], 0x66);
    set(0x9d, 0x1a);  // locked
    EXPECT_EQ(w.memory.load(Gpa(0xa0000), 1), 0x77u);
    EXPECT_EQ(get(0x9d), 0x1au);
    set(0x9d, 0x42);
    EXPECT_EQ(get(0x9d), 0x1au);  // only D_CLS can still change
    set(0x9d, 0x6a);
    EXPECT_EQ(get(0x9d), 0x3au);
    EXPECT_EQ(w.memory.load(Gpa(0xa0000), 1), 0x77u);
    set(0x9e, 0x87);
    EXPECT_EQ(get(0x9e), 0x38u);
    w.reset();
    set(0x9e, 0x87);
    EXPECT_EQ(get(0x9e), 0xbfu);
    w.topology.remove(vga);
}

TEST_F(MchTest, HighWindowShowsTheLegacyRam) {
    w.ram_block->bytes()[0xa0010] = 0x5a;
    set(0x9e, 0xb8);
    EXPECT_EQ(w.memory.load(Gpa(0xfeda0010), 1), 0xffu);
    set(0x9d, 0x4a);
    EXPECT_EQ(w.memory.load(Gpa(0xfeda0010), 1), 0x5au);
    set(0x9d, 0x0a);
    EXPECT_EQ(w.memory.load(Gpa(0xfeda0010), 1), 0xffu);
}

TEST_F(MchTest, TsegHidesTheEndOfLowRam) {
    const uint64_t end = ChipsetWorld::kRam;
    const uint64_t sizes[] = {kMiB, 2 * kMiB, 8 * kMiB, 16 * kMiB};
    for (unsigned select = 0; select < 4; ++select) {
        set(0x9d, 0x0a);
        set(0x9e, 0x39 | select << 1);
        const uint64_t first = end - sizes[select];
        w.ram_block->bytes()[first - 1] = 0x11;
        w.ram_block->bytes()[first] = 0x22;
        EXPECT_EQ(w.memory.load(Gpa(first - 1), 1), 0x11u);
        EXPECT_EQ(w.memory.load(Gpa(first), 1), 0xffu);
        w.memory.store(Gpa(end - 1), 0x33, 1);
        EXPECT_EQ(w.ram_block->bytes()[end - 1], 0);
        set(0x9e, 0x38);
        EXPECT_EQ(w.memory.load(Gpa(first), 1), 0x22u);
        w.ram_block->bytes()[first] = 0;
    }
}

TEST_F(MchTest, ExtendedTsegTellsItsSizeWhenAsked) {
    set(0x50, 0xffff, 2);
    EXPECT_EQ(get(0x50, 2), 16u);
    w.reset();
    EXPECT_EQ(get(0x50, 2), 0u);
}

TEST_F(MchTest, TheSmbaseWindowIsHiddenAfterAskingAndLocking) {
    const auto smbase = [&] { return w.memory.load(Gpa(0x30000), 1); };
    w.ram_block->bytes()[0x30000] = 0x42;
    for (uint32_t value : {0x02u, 0x03u, 0x01u, 0xfeu}) {
        set(0x9c, value);
        EXPECT_EQ(get(0x9c), 0u);
        EXPECT_EQ(smbase(), 0x42u);
    }
    set(0x9c, 0xff);
    EXPECT_EQ(get(0x9c), 1u);
    EXPECT_EQ(smbase(), 0x42u);
    set(0x9c, 0x02);
    EXPECT_EQ(get(0x9c), 2u);
    EXPECT_EQ(smbase(), 0xffu);
    EXPECT_EQ(w.memory.load(Gpa(0x4ffff), 1), 0xffu);
    EXPECT_EQ(w.memory.load(Gpa(0x50000), 1), 0u);
    for (uint32_t value : {0x00u, 0xffu, 0x01u}) {
        set(0x9c, value);
        EXPECT_EQ(get(0x9c), 2u);
        EXPECT_EQ(smbase(), 0xffu);
    }
    w.reset();
    EXPECT_EQ(get(0x9c), 0u);
    EXPECT_EQ(smbase(), 0x42u);
}

TEST(MchWithoutSmmRanges, TheWindowsAndTheirRegistersAreFixed) {
    ChipsetWorld w(false);
    w.ram_block->bytes()[0xa0000] = 0x5a;
    EXPECT_EQ(w.memory.load(Gpa(0xa0000), 1), 0x5au);
    w.mch.config_write(0x9c, 0xffffffff, 4);
    w.mch.config_write(0x50, 0xffff, 2);
    EXPECT_EQ(w.mch.config_read(0x9c, 4), 0x00380200u);
    EXPECT_EQ(w.mch.config_read(0x50, 2), 0u);
    w.ram_block->bytes()[ChipsetWorld::kRam - 1] = 0x77;
    EXPECT_EQ(w.memory.load(Gpa(ChipsetWorld::kRam - 1), 1), 0x77u);
    // The rest works.
    w.mch.config_write(0x60, 0xb0000001, 4);
    EXPECT_EQ(w.memory.load(Gpa(0xb0000000), 4), 0x29c08086u);
}

}  // namespace
}  // namespace vmm
