// The fixed part of the q35 memory map: RAM over the hole and over several blocks, firmware at its two
// places.
#include "hw/i386/board_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "system/memory/address_space.h"

namespace vmm {
namespace {

struct Board {
    Board(std::vector<uint64_t> sizes, uint64_t max_below, std::unique_ptr<RamBlock> firmware) {
        Q35MapRequest request;
        for (uint64_t size : sizes) {
            blocks.push_back(RamBlock::anonymous("mem" + std::to_string(blocks.size()), size).take_value());
            pointers.push_back(blocks.back().get());
            request.ram_size += size;
        }
        request.max_ram_below_4g = max_below;
        request.firmware_size = firmware ? firmware->size() : 0;
        map = lay_out_q35(request).take_value();
        memory.emplace(topology, system, map, pointers, std::move(firmware));
    }
    const RamBlock* block_at(uint64_t gpa) {
        return space.view()->find(Gpa(gpa)) ? space.view()->find(Gpa(gpa))->ram : nullptr;
    }
    uint64_t offset_at(uint64_t gpa) {
        const FlatSection* section = space.view()->find(Gpa(gpa));
        return section->ram_offset.raw() + (gpa - section->range.first().raw());
    }

    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, system, "memory"};
    std::vector<std::unique_ptr<RamBlock>> blocks;
    std::vector<RamBlock*> pointers;
    Q35Map map;
    std::optional<BoardMemory> memory;
};

TEST(BoardMemory, TwoBlocksOverTheSplit) {
    Board board({16 * kMiB, 48 * kMiB}, 32 * kMiB, nullptr);
    EXPECT_EQ(board.block_at(0), board.pointers[0]);
    EXPECT_EQ(board.block_at(16 * kMiB - 1), board.pointers[0]);
    EXPECT_EQ(board.block_at(16 * kMiB), board.pointers[1]);
    EXPECT_EQ(board.block_at(32 * kMiB), nullptr);
    EXPECT_EQ(board.block_at(4 * kGiB), board.pointers[1]);
    EXPECT_EQ(board.offset_at(4 * kGiB), 16 * kMiB);
    EXPECT_EQ(board.block_at(4 * kGiB + 32 * kMiB - 1), board.pointers[1]);
    EXPECT_EQ(board.block_at(4 * kGiB + 32 * kMiB), nullptr);
}

TEST(BoardMemory, FirmwareEndsAtFourGiBAndIsReadOnly) {
    auto firmware = RamBlock::anonymous("pc.bios", 256 * kKiB).take_value();
    firmware->data()[256 * kKiB - 16] = 0xea;
    Board board({16 * kMiB}, 0, std::move(firmware));
    EXPECT_EQ(board.space.load(Gpa(0xfffffff0), 1), 0xeau);
    board.space.store(Gpa(0xfffffff0), 0x55, 1);
    EXPECT_EQ(board.space.load(Gpa(0xfffffff0), 1), 0xeau);
    EXPECT_EQ(board.block_at(0xfffc0000 - 1), nullptr);
    // RAM hides the copy below 1 MiB until the host bridge shows it.
    EXPECT_EQ(board.block_at(0xffff0), board.pointers[0]);
    EXPECT_EQ(board.space.view()->find(Gpa(0xffff0))->readonly, false);
}

TEST(BoardMemory, NothingIsLeftInTheRoot) {
    Board board({16 * kMiB}, 0, RamBlock::anonymous("pc.bios", 64 * kKiB).take_value());
    EXPECT_FALSE(board.space.view()->sections().empty());
    board.memory.reset();
    EXPECT_TRUE(board.space.view()->sections().empty());
}

TEST(LoadFirmware, RefusesWhatIsNoImage) {
    EXPECT_FALSE(load_firmware("/no/such/file"));
    EXPECT_FALSE(load_firmware("/tmp"));
    std::string path = "/tmp/penumbra-firmware-test." + std::to_string(getpid());
    FILE* file = fopen(path.c_str(), "w");
    fputs("short", file);
    fclose(file);
    auto odd = load_firmware(path);
    ASSERT_FALSE(odd);
    EXPECT_NE(odd.error().text().find("5 bytes, which is not a whole number"), std::string::npos)
        << odd.error().text();
    ASSERT_EQ(truncate(path.c_str(), 17 * kMiB), 0);
    EXPECT_FALSE(load_firmware(path));
    ASSERT_EQ(truncate(path.c_str(), 8192), 0);
    auto good = load_firmware(path);
    ASSERT_TRUE(good) << good.error().text();
    EXPECT_EQ((*good)->data()[0], 's');
    unlink(path.c_str());
}

}  // namespace
}  // namespace vmm
