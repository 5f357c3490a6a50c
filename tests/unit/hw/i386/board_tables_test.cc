#include "hw/i386/board_tables.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/hw/i386/fake_guest.h"

namespace vmm {
namespace {

TEST(NodeRanges, Nodes_skipTheHoles) {
    const std::vector<acpi::SratMemory> r = node_ranges({kGiB, 2 * kGiB, kGiB}, 2 * kGiB);
    ASSERT_EQ(r.size(), 5u);
    const uint64_t expected[5][3] = {
        {0, 0xa0000, 0}, {kMiB, kGiB - kMiB, 0}, {kGiB, kGiB, 1}, {4 * kGiB, kGiB, 1}, {5 * kGiB, kGiB, 2}};
    for (size_t i = 0; i < r.size(); ++i) {
        EXPECT_EQ(r[i].base, expected[i][0]) << i;
        EXPECT_EQ(r[i].size, expected[i][1]) << i;
        EXPECT_EQ(r[i].node, expected[i][2]) << i;
    }
}

MachineConfig machine() {
    MachineConfig m;
    m.smp = {2, 4, 2, 1, 2, 1};
    m.memory.size = 3 * kGiB;
    m.uuid = Uuid::parse("00112233-4455-6677-8899-aabbccddeeff").value();
    return m;
}

size_t find(const std::vector<uint8_t>& in, const char* signature) {
    for (size_t i = 0; i + 4 <= in.size(); ++i)
        if (std::memcmp(&in[i], signature, 4) == 0) return i;
    return in.size();
}

TEST(BoardTables, Firmware_getsWhatTheMachineIs) {
    const MachineConfig m = machine();
    Result<Q35Map> map = lay_out_q35({.ram_size = m.memory.size, .firmware_size = 256 * kKiB});
    ASSERT_TRUE(map);
    const std::unique_ptr<BoardTables> tables_of_board = BoardTables::create({.config = m,
                                                                              .map = *map,
                                                                              .apic_ids = {0, 1, 2, 3},
                                                                              .cpus = {0, 2},
                                                                              .serials = {{0x3f8, 4}},
                                                                              .panic_port = 0x505})
                                                             .take_value();
    const BoardTables& t = *tables_of_board;
    FwCfgItems items;
    ASSERT_TRUE(t.publish(items, std::nullopt));
    EXPECT_EQ(items.find(static_cast<uint16_t>(FwCfgKey::Uuid))->bytes[0], 0x00);
    EXPECT_EQ(items.find(static_cast<uint16_t>(FwCfgKey::Uuid))->bytes[15], 0xff);
    EXPECT_EQ(items.find_file("etc/acpi/rsdp")->bytes.size(), 20u);
    // Two of four CPUs are there, and all are in the MADT; then comes the IOAPIC.
    const std::vector<uint8_t>& tables = t.acpi()->tables;
    const size_t madt = find(tables, "APIC");
    ASSERT_LT(madt, tables.size());
    for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(tables[madt + 44 + i * 8 + 4], i % 2 == 0 ? 1 : 0) << i;
    EXPECT_EQ(tables[madt + 44 + 32], 1);
    EXPECT_EQ(find(tables, "SRAT"), tables.size());
    // A guest kernel finds the port for its panics by this name.
    EXPECT_LT(find(tables, "QEMU0001"), tables.size());
}

TEST(BoardTables, AcpiOff_givesNone) {
    MachineConfig m = machine();
    m.acpi = false;
    Result<Q35Map> map = lay_out_q35({.ram_size = m.memory.size, .firmware_size = 256 * kKiB});
    ASSERT_TRUE(map);
    const std::unique_ptr<BoardTables> tables_of_board =
        BoardTables::create({.config = m, .map = *map, .apic_ids = {0}}).take_value();
    const BoardTables& t = *tables_of_board;
    FwCfgItems items;
    ASSERT_TRUE(t.publish(items, std::nullopt));
    EXPECT_EQ(items.find_file("etc/acpi/tables"), nullptr);
    EXPECT_NE(items.find_file("etc/e820"), nullptr);
}

TEST(BoardTables, DirectBoot_refusesWhatIsNoKernel) {
    const MachineConfig m = machine();
    Result<Q35Map> map = lay_out_q35({.ram_size = m.memory.size});
    ASSERT_TRUE(map);
    const std::unique_ptr<BoardTables> tables_of_board =
        BoardTables::create({.config = m, .map = *map, .apic_ids = {0}}).take_value();
    const BoardTables& t = *tables_of_board;
    EXPECT_EQ(t.acpi()->rsdp.size(), 36u);
    FakeGuest guest(map->ram_below.size(), map->ram_above->size());
    const std::vector<uint8_t> no_kernel(1000);
    DirectBoot boot;
    boot.kernel = no_kernel;
    EXPECT_FALSE(t.boot(boot, guest));
}

}  // namespace
}  // namespace vmm
