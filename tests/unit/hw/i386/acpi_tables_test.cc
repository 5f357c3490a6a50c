// Golden files of whole boards, and iasl's opinion of them. After an intended change:
//     PENUMBRA_UPDATE_GOLDEN=1 meson test -C build hw-i386-tables
#include "hw/i386/acpi_tables.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fakes/temporary_folder.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm {
namespace {

namespace fs = std::filesystem;

struct Board {
    const char* name;
    AcpiConfig config;
};

AcpiConfig plain() {
    AcpiConfig c;
    c.cpus = {{0, {}, true}};
    c.pci_windows = {{0x20000000, 0xafffffff}, {0xc0000000, 0xfebfffff}};
    c.serials = {{0x3f8, 4}};
    return c;
}

AcpiConfig numa() {
    AcpiConfig c = plain();
    c.cpus = {{0, 0, true}, {1, 0, true}, {2, 1, true}, {300, 1, true}, {301, 1, false}};
    c.numa_memory = {{0, 0xa0000, 0},
                     {0x100000, 0x3ff00000, 0},
                     {0x40000000, 0x40000000, 1},
                     {0x100000000, 0x40000000, 1, true}};
    c.numa_distances = {{10, 20}, {20, 10}};
    c.pci_windows.push_back({0x800000000, 0xfffffffff});
    c.serials.push_back({0x2f8, 3});
    c.rsdp_revision = acpi::RsdpRevision::Acpi2;
    return c;
}

AcpiConfig bare() {
    AcpiConfig c = plain();
    c.has_hpet = c.has_pic = c.has_i8042 = c.has_fw_cfg = false;
    c.serials.clear();
    c.has_smm = true;
    c.has_vga = true;
    c.ecam_base = 0x1000000000;
    c.debug_port = 0x402;
    c.panic_port = 0x505;
    const DsdtBridge inner = {.devfn = 3 << 3, .hotplug_bus = 1, .below = {}};
    const DsdtBridge outer = {.devfn = 0, .hotplug_bus = 0, .below = {inner}};
    c.hotplug_bridges = {{.devfn = 2 << 3, .hotplug_bus = {}, .below = {outer}},
                         {.devfn = (4 << 3) + 1, .hotplug_bus = 2, .below = {}}};
    c.generation_page = std::vector<uint8_t>(4096, 0x77);
    return c;
}

// Processors and memory that come later.
AcpiConfig hotplug() {
    AcpiConfig c = plain();
    c.cpus = {{0, 0, true}, {1, 0, true}, {2, 1, false}, {300, 1, false}};
    c.cpu_hotplug = true;
    c.memory_slots = 3;
    c.numa_memory = {{0, 0x8000000, 0}, {0x100000000, 0x140000000, 1, true}};
    return c;
}

// Two nodes with processors, a third one with memory alone and caches in front of it.
AcpiConfig hmat() {
    AcpiConfig c = numa();
    c.numa_memory.push_back({0x140000000, 0x40000000, 2});
    c.numa_distances = {{10, 20, 30}, {20, 10, 40}, {30, 40, 10}};
    HmatConfig h;
    h.initiators = {0, 1, std::nullopt};
    h.processors = {0, 1};
    h.matrices = {{.hierarchy = 0, .kind = 0, .values = {{10, 20, 130}, {20, 10, 140}, {0, 0, 0}}},
                  {.hierarchy = 1, .kind = 4, .values = {{4096, 0, 1024}, {2048, 4096, 512}, {0, 0, 0}}}};
    h.caches = {{.node = 2, .level = 1, .size = 64 << 20, .associativity = 1, .policy = 1, .line = 64},
                {.node = 2, .level = 2, .size = 32 << 20, .associativity = 2, .policy = 2, .line = 128}};
    c.hmat = h;
    return c;
}

std::vector<Board> boards() {
    return {{"plain", plain()}, {"numa", numa()}, {"bare", bare()}, {"hotplug", hotplug()}, {"hmat", hmat()}};
}

constexpr uint64_t kTablesAt = 0x7fe0000;

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

// The tables of a placed image in order, root tables and FACS included; files after them are not tables.
std::vector<std::string> split_tables(std::vector<uint8_t> blob, const AcpiConfig& config) {
    blob.resize(build_acpi(config).tables.size());
    std::vector<std::string> out;
    for (size_t at = 0; at + 8 <= blob.size();) {
        const uint32_t length = load_le<uint32_t>(&blob[at + 4]);
        EXPECT_GT(length, 35u);
        if (length < 36 || at + length > blob.size()) break;
        out.emplace_back(blob.begin() + at, blob.begin() + at + length);
        at += length;
    }
    return out;
}

TEST(AcpiTables, Boards_matchTheirGoldenFiles) {
    for (const Board& board : boards()) {
        const acpi::AcpiImage image = build_acpi(board.config);
        Result<acpi::PlacedTables> placed = acpi::place(image, kTablesAt, 0xe0000);
        ASSERT_TRUE(placed);
        const fs::path golden = fs::path(GOLDEN_DIR) / (std::string(board.name) + ".bin");
        const std::string now(placed->tables.begin(), placed->tables.end());
        if (getenv("PENUMBRA_UPDATE_GOLDEN")) write(golden, now);
        EXPECT_TRUE(now == read(golden)) << golden << " differs; see the head of this file";
    }
}

TEST(AcpiTables, Iasl_hasNothingToSay) {
    if (system("iasl -v >/dev/null 2>&1") != 0) GTEST_SKIP() << "iasl (acpica-tools) is not installed";
    for (const Board& board : boards()) {
        Result<acpi::PlacedTables> placed = acpi::place(build_acpi(board.config), kTablesAt, 0xe0000);
        ASSERT_TRUE(placed);
        TemporaryFolder scratch;
        std::vector<std::string> tables = split_tables(placed->tables, board.config);
        ASSERT_GE(tables.size(), 7u);
        for (const std::string& table : tables) {
            const std::string name = table.substr(0, 4);
            write(scratch / (name + ".dat"), table);
            const std::string command = strf(
                "cd %s && iasl -d %s.dat >log 2>&1 && iasl -tc %s.dsl >>log 2>&1 && "
                "! grep -Ei 'error|warning|remark|checksum.*incorrect' log | grep -vE '(^|[^0-9])0 "
                "(Errors|Warnings|Remarks)'",
                scratch.path().c_str(), name.c_str(), name.c_str());
            EXPECT_EQ(system(command.c_str()), 0) << board.name << " " << name << "\n"
                                                  << read(scratch / "log");
        }
    }
}

TEST(AcpiTables, EveryTableSumsToZero) {
    for (const Board& board : boards()) {
        Result<acpi::PlacedTables> placed = acpi::place(build_acpi(board.config), kTablesAt, 0xe0000);
        ASSERT_TRUE(placed);
        for (const std::string& table : split_tables(placed->tables, board.config)) {
            if (table.starts_with("FACS")) continue;
            uint8_t sum = 0;
            for (char c : table)
                sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(c));
            EXPECT_EQ(sum, 0) << table.substr(0, 4);
        }
    }
}

TEST(AcpiTables, RoutingFollowsTheChipset) {
    EXPECT_EQ(q35_pirq(0, 0), 4u);
    EXPECT_EQ(q35_pirq(1, 3), 4u);
    EXPECT_EQ(q35_pirq(3, 0), 7u);
    EXPECT_EQ(q35_pirq(24, 1), 5u);
    EXPECT_EQ(q35_pirq(25, 0), 0u);
    EXPECT_EQ(q35_pirq(30, 2), 6u);
    EXPECT_EQ(q35_pirq(31, 3), 3u);
}

}  // namespace
}  // namespace vmm
