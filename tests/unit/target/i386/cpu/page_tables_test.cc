// Walking page tables: each mode with tables written by hand, and tables that are nonsense.
#include "target/i386/cpu/page_tables.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "util/endian.h"

namespace vmm {
namespace {

// Memory of tables, made where something is written.
class Tables {
  public:
    void put(uint64_t table, unsigned index, uint64_t entry, unsigned size = 8) {
        auto& page = pages_[table];
        page.resize(4096);
        store_le_sized(&page[size_t{index} * size], entry, size);
    }
    ReadPhysical reader() {
        return [this](uint64_t address, std::span<uint8_t> into) {
            ++reads;
            const auto page = pages_.find(address & ~uint64_t{0xfff});
            if (page == pages_.end()) return false;
            std::memcpy(into.data(), &page->second[address & 0xfff], into.size());
            return true;
        };
    }
    unsigned reads = 0;

  private:
    std::map<uint64_t, std::vector<uint8_t>> pages_;
};

X86Registers long_mode(uint64_t root, uint64_t cr4 = 0x20) {
    X86Registers r;
    r.cr0 = 0x80000001;
    r.cr3 = root;
    r.cr4 = cr4;
    r.efer = 0x500;
    return r;
}

std::vector<LinearRun> walk(const X86Registers& registers, Tables& tables) {
    Result<std::vector<LinearRun>> runs = linear_runs(registers, tables.reader());
    EXPECT_TRUE(bool(runs));
    return runs ? *runs : std::vector<LinearRun>{};
}

TEST(PageTables, withoutPagingThereIsNothing) {
    Tables tables;
    EXPECT_TRUE(walk({}, tables).empty());
    EXPECT_EQ(tables.reads, 0u);
}

TEST(PageTables, fourLevelsWithPagesOfEverySize) {
    Tables tables;
    tables.put(0x1000, 0, 0x2003);
    tables.put(0x2000, 0, 0x3003);
    tables.put(0x2000, 1, 0x40000083);  // 1 GiB
    tables.put(0x3000, 0, 0x4003);
    tables.put(0x3000, 1, 0x00600083);          // 2 MiB
    tables.put(0x4000, 5, 0x8000000000009003);  // 4 KiB, not to be executed
    tables.put(0x4000, 6, 0xa003);              // goes on in both
    tables.put(0x4000, 7, 0xc000);              // not present
    tables.put(0x1000, 511, 0x5003);
    tables.put(0x5000, 511, 0x80000083);
    const std::vector<LinearRun> wanted = {{0x5000, 0x9000, 0x2000},
                                           {0x200000, 0x600000, 0x200000},
                                           {0x40000000, 0x40000000, 0x40000000},
                                           {0xffffffffc0000000, 0x80000000, 0x40000000}};
    EXPECT_EQ(walk(long_mode(0x1000), tables), wanted);
}

TEST(PageTables, fiveLevels) {
    Tables tables;
    tables.put(0x1000, 256, 0x2003);
    tables.put(0x2000, 1, 0x3003);
    tables.put(0x3000, 0, 0x83);
    const std::vector<LinearRun> wanted = {{0xff00008000000000, 0, 0x40000000}};
    EXPECT_EQ(walk(long_mode(0x1000, 0x1020), tables), wanted);
}

TEST(PageTables, physicalAddressExtension) {
    Tables tables;
    tables.put(0x1000, 4 + 3, 0x2001);  // the table of four is at 0x1020
    tables.put(0x2000, 0, 0x3001);
    tables.put(0x2000, 2, 0x100200083);
    tables.put(0x3000, 1, 0x5001);
    X86Registers r;
    r.cr0 = 0x80000001;
    r.cr3 = 0x1020;
    r.cr4 = 0x20;
    const std::vector<LinearRun> wanted = {{0xc0001000, 0x5000, 0x1000}, {0xc0400000, 0x100200000, 0x200000}};
    EXPECT_EQ(walk(r, tables), wanted);
}

TEST(PageTables, thirtyTwoBitsWithAndWithoutLargePages) {
    Tables tables;
    tables.put(0x1000, 1, 0x00802083, 4);  // 4 MiB at 0x1'00800000, when large pages are there
    tables.put(0x1000, 2, 0x3001, 4);
    tables.put(0x3000, 0, 0x7001, 4);
    X86Registers r;
    r.cr0 = 0x80000001;
    r.cr3 = 0x1000;
    r.cr4 = 0x10;
    const std::vector<LinearRun> wanted = {{0x400000, 0x100800000, 0x400000}, {0x800000, 0x7000, 0x1000}};
    EXPECT_EQ(walk(r, tables), wanted);
    r.cr4 = 0;
    EXPECT_EQ(walk(r, tables), (std::vector<LinearRun>{{0x800000, 0x7000, 0x1000}}));
}

TEST(PageTables, aTableThatIsNowhereMapsNothing) {
    Tables tables;
    tables.put(0x1000, 0, 0xdead000003);
    EXPECT_TRUE(walk(long_mode(0x1000), tables).empty());
    EXPECT_TRUE(walk(long_mode(0x777000), tables).empty());
}

// Every entry of the root is the root: 512^3 tables to visit, and as many pages to tell of.
TEST(PageTables, loopsHaveAnEnd) {
    Tables tables;
    for (unsigned i = 0; i < 512; ++i)
        tables.put(0x1000, i, 0x1003);
    Result<std::vector<LinearRun>> runs = linear_runs(long_mode(0x1000), tables.reader());
    ASSERT_FALSE(bool(runs));
    EXPECT_LE(tables.reads, 1u << 18);
}

// Random tables against a walk of single addresses, as a processor does it.
TEST(PageTables, agreesWithWalksOfSingleAddresses) {
    std::mt19937_64 random(5);
    for (unsigned round = 0; round < 40; ++round) {
        Tables tables;
        std::vector<uint64_t> pages;
        for (uint64_t at = 0x1000; at < 0x9000; at += 0x1000)
            for (unsigned n = 0; n < 12; ++n) {
                const uint64_t target = (1 + random() % 10) << 12;
                tables.put(at, static_cast<unsigned>(random() % 512),
                           target | (random() % 4 != 0) | (random() % 3 == 0 ? 0x80 : 0));
            }
        const ReadPhysical read = tables.reader();
        const auto translate = [&](uint64_t linear) -> std::optional<uint64_t> {
            uint64_t table = 0x1000;
            for (int shift = 39;; shift -= 9) {
                uint8_t bytes[8];
                if (!read(table + 8 * (linear >> shift & 511), bytes)) return std::nullopt;
                const uint64_t entry = load_le<uint64_t>(bytes);
                const uint64_t inside = (uint64_t{1} << shift) - 1;
                if ((entry & 1) == 0) return std::nullopt;
                if (shift == 12 || (shift < 39 && (entry & 0x80) != 0))
                    return (entry & 0xffffffffff000 & ~inside) | (linear & inside);
                table = entry & 0xffffffffff000;
            }
        };
        const std::vector<LinearRun> runs = walk(long_mode(0x1000), tables);
        for (size_t i = 0; i < runs.size(); ++i) {
            for (uint64_t inside : {uint64_t{0}, runs[i].size / 2, runs[i].size - 1})
                ASSERT_EQ(translate(runs[i].linear + inside), runs[i].physical + inside);
            if (i != 0) {
                ASSERT_LT(runs[i - 1].linear, runs[i].linear);
            }
            // The page before a run is mapped elsewhere or not at all.
            const bool first = i == 0 || runs[i - 1].linear + runs[i - 1].size != runs[i].linear;
            if (first && (runs[i].linear & 0xffffffffffff) != 0 && runs[i].linear != 0xffff800000000000) {
                ASSERT_EQ(translate(runs[i].linear - 1), std::nullopt);
            }
        }
    }
}

}  // namespace
}  // namespace vmm
