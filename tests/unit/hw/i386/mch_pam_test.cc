// PAM: the bits of each segment, and what the guest sees in each state.
#include "hw/i386/mch_pam.h"

#include <gtest/gtest.h>

#include "system/memory/address_space.h"
#include "system/memory/listener.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"

namespace vmm {
namespace {

TEST(Pam, SegmentsAreAsTheDatasheetLists) {
    const PamSegment expected[kPamSegments] = {
        {0xf0000, 0x10000, 0, 4}, {0xc0000, 0x4000, 1, 0}, {0xc4000, 0x4000, 1, 4}, {0xc8000, 0x4000, 2, 0},
        {0xcc000, 0x4000, 2, 4},  {0xd0000, 0x4000, 3, 0}, {0xd4000, 0x4000, 3, 4}, {0xd8000, 0x4000, 4, 0},
        {0xdc000, 0x4000, 4, 4},  {0xe0000, 0x4000, 5, 0}, {0xe4000, 0x4000, 5, 4}, {0xe8000, 0x4000, 6, 0},
        {0xec000, 0x4000, 6, 4},
    };
    for (unsigned i = 0; i < kPamSegments; ++i)
        EXPECT_EQ(pam_segment(i), expected[i]) << i;
}

TEST(Pam, EveryStateOfEverySegmentIsItsOwnTwoBits) {
    for (unsigned segment = 0; segment < kPamSegments; ++segment)
        for (unsigned state = 0; state < 4; ++state) {
            std::array<uint8_t, kPamRegisters> regs = {};
            regs[pam_segment(segment).reg] = static_cast<uint8_t>(state << pam_segment(segment).shift);
            for (unsigned other = 0; other < kPamSegments; ++other)
                EXPECT_EQ(pam_state(regs, other), static_cast<PamState>(other == segment ? state : 0));
        }
}

// Counts how the map changed.
class Changes final : public MemoryListener {
  public:
    void section_removed(const FlatSection&) override { ++removed; }
    void section_added(const FlatSection&) override { ++added; }
    void commit(const FlatView&) override { ++commits; }
    unsigned removed = 0, added = 0, commits = 0;
};

class PamWindowsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        topology.add(system, ram, 0);
        topology.add(system, pci, 0, -1);
        topology.add(pci, rom, 0xc0000);
        pam.emplace(topology, system, ram, pci);
        for (uint64_t at = 0xc0000; at < 0x100000; at += 4) {
            rom_block->bytes()[at - 0xc0000] = 0x99;
            ram_block->bytes()[at] = 0x11;
        }
    }
    void TearDown() override { pam.reset(); }
    void set(std::array<uint8_t, kPamRegisters> regs) { pam->apply(regs); }
    uint64_t read(uint64_t at) { return space.load(Gpa(at), 1); }

    std::unique_ptr<RamBlock> ram_block = RamBlock::anonymous("ram", 2 * kMiB).take_value();
    std::unique_ptr<RamBlock> rom_block = RamBlock::anonymous("rom", 0x40000).take_value();
    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion pci = MemoryRegion::container("pci", MemoryRegion::kWholeSpace);
    MemoryRegion ram = MemoryRegion::ram("ram", *ram_block);
    MemoryRegion rom = MemoryRegion::rom("rom", *rom_block);
    AddressSpace space{topology, system, "memory"};
    std::optional<PamWindows> pam;
};

TEST_F(PamWindowsTest, StartsOnThePciSideEverywhere) {
    for (uint64_t at = 0xc0000; at < 0x100000; at += 0x4000)
        EXPECT_EQ(read(at), 0x99u) << std::hex << at;
    EXPECT_EQ(read(0xbfffc), 0u);
    EXPECT_EQ(read(0x100000), 0u);
}

TEST_F(PamWindowsTest, EachStateReadsAndWritesAsItSays) {
    struct Case {
        uint8_t state;
        uint64_t reads;
        uint8_t ram_after_write;
    };
    for (const Case& c : {Case{0, 0x99, 0x11}, {1, 0x11, 0x11}, {2, 0x11, 0x55}, {3, 0x11, 0x55}}) {
        for (unsigned segment = 0; segment < kPamSegments; ++segment) {
            const PamSegment where = pam_segment(segment);
            std::array<uint8_t, kPamRegisters> regs = {};
            regs[where.reg] = static_cast<uint8_t>(c.state << where.shift);
            set(regs);
            for (uint64_t at : {uint64_t{where.base}, uint64_t{where.base} + where.size - 4}) {
                EXPECT_EQ(read(at), c.reads);
                space.store(Gpa(at), 0x55, 1);
                EXPECT_EQ(ram_block->bytes()[at], c.ram_after_write) << unsigned{c.state};
                ram_block->bytes()[at] = 0x11;
            }
            if (where.base > 0xc0000) {
                EXPECT_EQ(read(where.base - 4), 0x99u);
            }
            if (where.base + where.size < 0x100000) {
                EXPECT_EQ(read(where.base + where.size), 0x99u);
            }
            EXPECT_EQ(rom_block->bytes()[where.base - 0xc0000], 0x99);
        }
    }
}

TEST_F(PamWindowsTest, OneWriteIsOneChangeOfTheMap) {
    Changes changes;
    space.add_listener(changes);
    changes = {};
    set({0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33});
    EXPECT_EQ(changes.commits, 1u);
    EXPECT_EQ(changes.added, 1u);  // all RAM again, in one piece
    EXPECT_EQ(space.view()->sections().size(), 1u);
    changes = {};
    set({0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33});
    EXPECT_EQ(changes.commits + changes.added + changes.removed, 0u);
    set({0x10, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33});
    EXPECT_EQ(changes.commits, 1u);
    EXPECT_EQ(changes.added, 3u);  // below, the read-only BIOS, above
    space.remove_listener(changes);
}

TEST_F(PamWindowsTest, RamIsNeverSeenTwice) {
    for (unsigned value = 0; value < 256; ++value) {
        const auto v = static_cast<uint8_t>(value);
        set({v, v, static_cast<uint8_t>(~v), v, v, static_cast<uint8_t>(v ^ 0x11), v});
        uint64_t seen = 0;
        for (const FlatSection& s : space.view()->sections())
            if (s.ram == ram_block.get()) {
                EXPECT_EQ(s.ram_offset.raw(), s.range.first().raw());
                EXPECT_GE(s.ram_offset.raw(), seen);
                seen = s.ram_offset.raw() + s.range.size();
            }
    }
}

TEST_F(PamWindowsTest, WherePciHasNothingRamShows) {
    topology.remove(rom);
    for (uint64_t at = 0xc0000; at < 0x100000; at += 0x4000)
        EXPECT_EQ(read(at), 0x11u);
}

}  // namespace
}  // namespace vmm
