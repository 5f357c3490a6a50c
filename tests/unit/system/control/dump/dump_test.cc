// Dumps into files: what is hidden is left out, zeros are holes, headers hold with many pieces, and writers
// stop when they are told.
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "system/control/dump/elf_core.h"
#include "system/control/dump/kdump.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/thread.h"

namespace vmm::dump {
namespace {

// Page n holds the byte n; hidden pages cannot be read.
class FakeMemory final : public DumpMemory {
  public:
    bool hidden(uint64_t page) const override { return hidden_pages.contains(page / kPageSize); }
    bool read(uint64_t address, std::span<uint8_t> into) const override {
        for (size_t i = 0; i < into.size(); ++i) {
            const uint64_t page = (address + i) / kPageSize;
            if (hidden_pages.contains(page)) return false;
            into[i] = static_cast<uint8_t>(page);
        }
        return true;
    }
    std::set<uint64_t> hidden_pages;
};

struct Output {
    Output() : file(::memfd_create("dump", MFD_CLOEXEC)) {}
    std::vector<uint8_t> bytes() const {
        struct stat status {};
        EXPECT_EQ(::fstat(file.get(), &status), 0);
        std::vector<uint8_t> all(static_cast<size_t>(status.st_size));
        EXPECT_TRUE(bool(read_full_at(file.get(), all, 0)));
        return all;
    }
    std::unique_ptr<DumpSink> sink() {
        Result<Fd> copy = file.duplicate();
        Result<std::unique_ptr<DumpSink>> made = DumpSink::create(std::move(copy).take_value());
        return std::move(made).take_value();
    }
    Fd file;
};

DumpPlan two_blocks() {
    DumpPlan plan;
    plan.blocks = {{0x3000, 0x4000}, {0x100000, 0x2000}};
    plan.notes.assign(100, 0x55);
    plan.long_mode = true;
    plan.cpus = 1;
    return plan;
}

template <typename T>
T at(const std::vector<uint8_t>& bytes, size_t offset) {
    T value;
    EXPECT_LE(offset + sizeof value, bytes.size());
    std::memcpy(&value, &bytes[offset], sizeof value);
    return value;
}

TEST(DumpPlan, blocksAndRunsAreCut) {
    const std::vector<MemoryBlock> blocks = {{0x3000, 0x4000}, {0x100000, 0x2000}};
    EXPECT_EQ(cut(blocks, 0, UINT64_MAX), blocks);
    EXPECT_EQ(cut(blocks, 0x6000, 0xfb000), (std::vector<MemoryBlock>{{0x6000, 0x1000}, {0x100000, 0x1000}}));
    EXPECT_TRUE(cut(blocks, 0x7000, 0x1000).empty());
    EXPECT_TRUE(cut(blocks, UINT64_MAX, 2).empty());
    const std::vector<LinearRun> runs = {{0xf000, 0, 0x200000}, {0x900000, 0x101000, 0x1000}};
    EXPECT_EQ(cut(runs, blocks),
              (std::vector<LinearRun>{
                  {0x12000, 0x3000, 0x4000}, {0x10f000, 0x100000, 0x2000}, {0x900000, 0x101000, 0x1000}}));
}

TEST(WriteElf, hasMemoryAtItsOffsetsAndHolesForWhatIsHidden) {
    Output output;
    FakeMemory memory;
    memory.hidden_pages = {4, 0x101};
    std::atomic<uint64_t> done{0};
    ASSERT_TRUE(bool(write_elf(two_blocks(), memory, *output.sink(), done)));
    EXPECT_EQ(done.load(), 0x6000u);
    const std::vector<uint8_t> file = output.bytes();
    const auto header = at<Elf64_Ehdr>(file, 0);
    EXPECT_EQ(header.e_machine, EM_X86_64);
    ASSERT_EQ(header.e_phnum, 3);
    const auto note = at<Elf64_Phdr>(file, header.e_phoff);
    EXPECT_EQ(note.p_type, Elf64_Word{PT_NOTE});
    EXPECT_EQ(file[note.p_offset + 99], 0x55);
    const auto first = at<Elf64_Phdr>(file, header.e_phoff + 56),
               second = at<Elf64_Phdr>(file, header.e_phoff + 112);
    EXPECT_EQ(first.p_paddr, 0x3000u);
    EXPECT_EQ(first.p_vaddr, 0x3000u);
    EXPECT_EQ(second.p_filesz, 0x2000u);
    EXPECT_EQ(file[first.p_offset], 3);
    EXPECT_EQ(file[first.p_offset + 0x1000], 0);  // hidden
    EXPECT_EQ(file[first.p_offset + 0x3fff], 6);
    EXPECT_EQ(file.size(), second.p_offset + second.p_filesz);  // its last page is hidden
}

TEST(WriteElf, pagingTellsOfTheSameMemoryTwice) {
    DumpPlan plan = two_blocks();
    plan.paging = true;
    plan.runs = {{0x7000, 0x5000, 0x1000}, {0xffff880000005000, 0x5000, 0x1000}};
    Result<std::vector<uint8_t>> head = elf_head(plan);
    ASSERT_TRUE(bool(head));
    const auto first = at<Elf64_Phdr>(*head, 64 + 56), second = at<Elf64_Phdr>(*head, 64 + 112);
    EXPECT_EQ(first.p_vaddr, 0x7000u);
    EXPECT_EQ(second.p_vaddr, 0xffff880000005000u);
    EXPECT_EQ(first.p_offset, second.p_offset);
    EXPECT_EQ(first.p_offset, head->size() + 0x2000);
}

TEST(WriteElf, morePiecesThanTheHeaderCanCount) {
    DumpPlan plan = two_blocks();
    plan.paging = true;
    for (uint64_t i = 0; i < 70000; ++i)
        plan.runs.push_back({0x10000000 + i * 0x2000, 0x3000, 0x1000});
    Result<std::vector<uint8_t>> head = elf_head(plan);
    ASSERT_TRUE(bool(head));
    const auto header = at<Elf64_Ehdr>(*head, 0);
    EXPECT_EQ(header.e_phnum, PN_XNUM);
    EXPECT_EQ(header.e_shnum, 1);
    EXPECT_EQ(at<Elf64_Shdr>(*head, header.e_shoff).sh_info, 70001u);
    EXPECT_EQ(at<Elf64_Phdr>(*head, header.e_phoff).p_offset, header.e_shoff + sizeof(Elf64_Shdr));
    plan.runs.resize((1u << 20) + 1);
    EXPECT_FALSE(bool(elf_head(plan)));
}

TEST(WriteKdump, hiddenPagesAreOutOfTheSecondBitmap) {
    Output output;
    FakeMemory memory;
    memory.hidden_pages = {4};
    std::atomic<uint64_t> done{0};
    ASSERT_TRUE(bool(write_kdump(two_blocks(), memory, *output.sink(), done)));
    EXPECT_EQ(done.load(), 0x6000u);
    // Put together, as makedumpfile -R does it.
    const std::vector<uint8_t> file = output.bytes();
    std::vector<uint8_t> whole;
    size_t from = 4096;
    while (load_be<uint64_t>(&file[from]) != UINT64_MAX) {
        const uint64_t to = load_be<uint64_t>(&file[from]), size = load_be<uint64_t>(&file[from + 8]);
        whole.resize(std::max<size_t>(whole.size(), to + size));
        std::memcpy(&whole[to], &file[from + 16], size);
        from += 16 + size;
    }
    EXPECT_EQ(from + 16, file.size());
    EXPECT_EQ(std::memcmp(whole.data(), "KDUMP   ", 8), 0);
    EXPECT_EQ(load_le<uint32_t>(&whole[424 + 4]), 4096u);  // block size
    const uint32_t sub_blocks = load_le<uint32_t>(&whole[424 + 8]);
    EXPECT_EQ(load_le<uint64_t>(&whole[4096 + 96]), 0x102u);  // pages
    const size_t bitmaps = (1 + sub_blocks) * 4096;
    EXPECT_EQ(whole[bitmaps], 0x78);         // pages 3 to 6
    EXPECT_EQ(whole[bitmaps + 4096], 0x68);  // without 4
    EXPECT_EQ(whole[bitmaps + 0x20], 3);
    // The fifth of five descriptors is page 0x101, which compresses well.
    const size_t last = bitmaps + 2 * 4096 + 4 * 24;
    EXPECT_EQ(load_le<uint32_t>(&whole[last + 12]), 1u);
    EXPECT_LT(load_le<uint32_t>(&whole[last + 8]), 100u);
    EXPECT_LE(load_le<uint64_t>(&whole[last]) + load_le<uint32_t>(&whole[last + 8]), whole.size());
}

// Names only what was there before, at the end of a file that is appended to or in a file that had contents.
TEST(DumpSink, zerosAreWrittenWhereSomethingMightBe) {
    Output output;
    std::vector<uint8_t> old(8192, 0xee);
    ASSERT_TRUE(bool(write_full(output.file.get(), old)));
    ASSERT_EQ(::lseek(output.file.get(), 0, SEEK_SET), 0);
    std::unique_ptr<DumpSink> sink = output.sink();
    ASSERT_TRUE(bool(sink->zeros(8192)));
    ASSERT_TRUE(bool(sink->finish()));
    EXPECT_EQ(output.bytes(), std::vector<uint8_t>(8192));
}

TEST(DumpSink, aWriterThatWaitsForAReaderIsStopped) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    Fd read(ends[0]);
    Result<std::unique_ptr<DumpSink>> sink = DumpSink::create(Fd(ends[1]));
    ASSERT_TRUE(bool(sink));
    Status outcome;
    {
        Result<Thread> thread = Thread::start("writer", [&] { outcome = (*sink)->zeros(1u << 30); });
        ASSERT_TRUE(bool(thread));
        ::usleep(20000);
        (*sink)->stop();
    }
    EXPECT_FALSE(bool(outcome));
}

}  // namespace
}  // namespace vmm::dump
