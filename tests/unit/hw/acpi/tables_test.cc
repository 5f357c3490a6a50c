#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "hw/acpi/fadt.h"
#include "hw/acpi/hmat.h"
#include "hw/acpi/linker_script.h"
#include "hw/acpi/madt.h"
#include "hw/acpi/numa_tables.h"
#include "hw/acpi/small_tables.h"
#include "hw/acpi/table_set.h"
#include "hw/acpi/vmgenid_table.h"
#include "util/endian.h"

namespace vmm::acpi {
namespace {

AcpiImage sample(RsdpRevision revision, bool with_file = false) {
    const TableIds ids;
    TableSet set;
    FadtConfig f;
    f.facs_offset = set.add(build_facs(), false, kFacsAlignment);
    f.dsdt_offset = set.add(TableBuilder("DSDT", 2, ids).finish(), false);
    set.add(build_fadt(f, ids), true);
    set.add(build_mcfg({}, ids), true);
    if (with_file) {
        set.add(build_generation_ssdt(ids), true);
        set.add_file({.name = kGenerationFile,
                      .bytes = std::vector<uint8_t>(4096, 0x5a),
                      .address_file = kGenerationAddressFile,
                      .told_offset = kGenerationOffset});
    }
    return set.finish(ids, revision);
}

// What firmware does with the script, written from the format alone: name -> bytes at an address.
struct Firmware {
    struct File {
        std::vector<uint8_t> bytes;
        uint64_t address = 0;
    };
    File tables, rsdp, page, told{std::vector<uint8_t>(8), 0};

    File& file(const uint8_t* name) {
        const std::string text = static_cast<const char*>(static_cast<const void*>(name));
        if (text == kTablesFile) return tables;
        if (text == kGenerationFile) return page;
        if (text == kGenerationAddressFile) return told;
        return rsdp;
    }
    void run(const std::vector<uint8_t>& script) {
        ASSERT_EQ(script.size() % 128, 0u);
        for (size_t i = 0; i < script.size(); i += 128) {
            const uint8_t* e = &script[i];
            switch (load_le<uint32_t>(e)) {
                case 1:
                    ASSERT_NE(file(e + 4).address, 0u);
                    ASSERT_EQ(file(e + 4).address % load_le<uint32_t>(e + 60), 0u);
                    break;
                case 2: {
                    uint8_t* at = &file(e + 4).bytes[load_le<uint32_t>(e + 116)];
                    const uint8_t width = e[120];
                    store_le_sized(at, load_le_sized(at, width) + file(e + 60).address, width);
                    break;
                }
                case 3: {
                    File& f = file(e + 4);
                    const uint32_t start = load_le<uint32_t>(e + 64), length = load_le<uint32_t>(e + 68);
                    uint8_t& sum = f.bytes[load_le<uint32_t>(e + 60)];
                    sum = static_cast<uint8_t>(sum + checksum_of({&f.bytes[start], length}));
                    break;
                }
                case 4: {
                    File& f = file(e + 4);
                    store_le_sized(&f.bytes[load_le<uint32_t>(e + 116)],
                                   file(e + 60).address + load_le<uint32_t>(e + 120), e[124]);
                    break;
                }
                default:
                    FAIL() << "command " << load_le<uint32_t>(e);
            }
        }
    }
};

TEST(TableSet, PlacedImage_equalsWhatFirmwareMakesOfTheScript) {
    for (RsdpRevision revision : {RsdpRevision::Acpi1, RsdpRevision::Acpi2}) {
        const AcpiImage image = sample(revision);
        Firmware fw{{image.tables, 0x7ffe0000}, {image.rsdp, 0xf5a00}};
        fw.run(linker_script(image));
        Result<PlacedTables> placed = place(image, 0x7ffe0000, 0xf5a00);
        ASSERT_TRUE(placed);
        EXPECT_EQ(placed->tables, fw.tables.bytes);
        EXPECT_EQ(placed->rsdp, fw.rsdp.bytes);
    }
}

TEST(TableSet, AFileIsPlacedPointedToAndTold) {
    const AcpiImage image = sample(RsdpRevision::Acpi1, true);
    Firmware fw{{image.tables, 0x7ffe0000}, {image.rsdp, 0xf5a00}, {image.files[0].bytes, 0x7ffd0000}};
    fw.run(linker_script(image));
    EXPECT_EQ(load_le<uint64_t>(fw.told.bytes.data()), 0x7ffd0000u + 40);
    const auto vgia = [](const std::vector<uint8_t>& tables) {
        for (size_t at = 0; at + 46 < tables.size(); ++at)
            if (std::memcmp(&tables[at], "SSDT", 4) == 0 &&
                std::memcmp(&tables[at + 36], "\x08VGIA\x0c", 6) == 0)
                return load_le<uint32_t>(&tables[at + 42]);
        return 0u;
    };
    EXPECT_EQ(vgia(fw.tables.bytes), 0x7ffd0000u);
    Result<PlacedTables> placed = place(image, 0x100000, 0xf5a00);
    ASSERT_TRUE(placed);
    EXPECT_EQ(placed->tables.size(), image.placed_size());
    const uint32_t page = vgia(placed->tables);
    EXPECT_EQ(page % 4096, 0u);
    EXPECT_EQ(placed->tables[page - 0x100000], 0x5a);
    EXPECT_EQ(placed->tables.back(), 0x5a);
}

TEST(TableSet, PlacedImage_chainsFromRsdpToDsdt) {
    const uint64_t base = 0x100000;
    Result<PlacedTables> p = place(sample(RsdpRevision::Acpi2), base, 0xe0000);
    ASSERT_TRUE(p);
    EXPECT_EQ(p->rsdp.size(), 36u);
    EXPECT_EQ(checksum_of({p->rsdp.data(), 20}), 0);
    EXPECT_EQ(checksum_of(p->rsdp), 0);
    const uint8_t* xsdt = &p->tables[load_le<uint64_t>(&p->rsdp[24]) - base];
    const uint8_t* rsdt = &p->tables[load_le<uint32_t>(&p->rsdp[16]) - base];
    ASSERT_EQ(std::memcmp(xsdt, "XSDT", 4), 0);
    ASSERT_EQ(std::memcmp(rsdt, "RSDT", 4), 0);
    EXPECT_EQ(load_le<uint64_t>(xsdt + 36), load_le<uint32_t>(rsdt + 36));
    const uint8_t* fadt = &p->tables[load_le<uint64_t>(xsdt + 36) - base];
    ASSERT_EQ(std::memcmp(fadt, "FACP", 4), 0);
    EXPECT_EQ(checksum_of({fadt, 244}), 0);
    EXPECT_EQ(std::memcmp(&p->tables[load_le<uint64_t>(fadt + 140) - base], "DSDT", 4), 0);
    EXPECT_EQ(load_le<uint32_t>(fadt + 40), load_le<uint64_t>(fadt + 140));
    EXPECT_EQ(load_le<uint32_t>(fadt + 36), base);
}

TEST(TableSet, Place_refusesBadPlaces) {
    const AcpiImage image = sample(RsdpRevision::Acpi1);
    EXPECT_FALSE(place(image, 0x100001, 0xe0000));
    EXPECT_FALSE(place(image, 0x100000, 0xe0001));
    EXPECT_FALSE(place(image, 0x100000000, 0xe0000));
    EXPECT_FALSE(place(image, 0xffffffc0, 0xe0000));
}

TEST(Fadt, WithoutSmmThereIsNoCommandPort) {
    FadtConfig c;
    Table t = build_fadt(c, {});
    EXPECT_EQ(load_le<uint32_t>(&t.bytes[48]), 0u);
    EXPECT_EQ(t.bytes[52], 0);
    c.smi_command_port = 0xb2;
    t = build_fadt(c, {});
    EXPECT_EQ(load_le<uint32_t>(&t.bytes[48]), 0xb2u);
    EXPECT_EQ(t.bytes[52], kAcpiEnableCommand);
    EXPECT_EQ(t.bytes[53], kAcpiDisableCommand);
}

TEST(Fadt, FixedHardwareIsWhereTheIch9HasIt) {
    const Table t = build_fadt({}, {});
    EXPECT_EQ(t.bytes.size(), 244u);
    EXPECT_EQ(load_le<uint16_t>(&t.bytes[46]), 9);
    EXPECT_EQ(load_le<uint32_t>(&t.bytes[56]), 0x600u);
    EXPECT_EQ(load_le<uint32_t>(&t.bytes[64]), 0x604u);
    EXPECT_EQ(load_le<uint32_t>(&t.bytes[76]), 0x608u);
    EXPECT_EQ(load_le<uint32_t>(&t.bytes[80]), 0x620u);
    EXPECT_EQ(load_le<uint64_t>(&t.bytes[120]), 0xcf9u);
    EXPECT_EQ(t.bytes[128], 0x0f);
    EXPECT_EQ(load_le<uint64_t>(&t.bytes[152]), 0x600u);
}

TEST(Madt, LargeApicIdsGetX2ApicEntries) {
    MadtConfig c;
    c.cpus = {{0, 0}, {1, 254}, {2, 255}, {300, 7}};
    const Table t = build_madt(c, {});
    std::vector<uint8_t> types;
    for (size_t i = 44; i < t.bytes.size(); i += t.bytes[i + 1]) {
        ASSERT_GT(t.bytes[i + 1], 1);
        types.push_back(t.bytes[i]);
    }
    EXPECT_EQ(types, (std::vector<uint8_t>{0, 0, 9, 9, 1, 4, 10}));
}

TEST(Srat, NodeNumbersAbove255Survive) {
    const Table t = build_srat({{{{0, 0}, 0x12345678}}, {}}, {});
    const uint8_t* e = &t.bytes[48];
    EXPECT_EQ(e[2] | e[9] << 8 | e[10] << 16 | e[11] << 24, 0x12345678);
}

TEST(Hmat, StructuresSayWhatTheConfigurationSays) {
    HmatConfig h;
    h.initiators = {0, 0, std::nullopt};
    h.processors = {0};
    h.matrices = {{.hierarchy = 0, .kind = 2, .values = {{1200, 0, 30}, {0, 0, 0}, {0, 0, 0}}},
                  {.hierarchy = 3, .kind = 3, .values = {{6, 65534, 2}, {0, 0, 0}, {0, 0, 0}}}};
    h.caches = {{.node = 1, .level = 1, .size = 0x12345678, .associativity = 1, .policy = 2, .line = 64},
                {.node = 1, .level = 2, .size = 0x1000, .associativity = 2, .policy = 1, .line = 32}};
    const Table t = build_hmat(h, {});
    std::vector<std::vector<uint8_t>> parts;
    for (size_t at = 40; at < t.bytes.size();) {
        const uint32_t length = load_le<uint32_t>(&t.bytes[at + 4]);
        ASSERT_TRUE(length >= 8 && at + length <= t.bytes.size());
        parts.emplace_back(t.bytes.begin() + at, t.bytes.begin() + at + length);
        at += length;
    }
    ASSERT_EQ(parts.size(), 3u + 2 + 2);
    const auto word = [&](size_t part, size_t at) { return load_le<uint16_t>(&parts[part][at]); };
    const auto dword = [&](size_t part, size_t at) { return load_le<uint32_t>(&parts[part][at]); };
    EXPECT_EQ((std::array{word(1, 8), word(2, 8)}), (std::array<uint16_t, 2>{1, 0})) << "initiator known";
    EXPECT_EQ((std::array{dword(1, 12), dword(1, 16)}), (std::array<uint32_t, 2>{0, 1}));
    // 10 ns is the unit, in ps.
    EXPECT_EQ(parts[3].size(), 32u + 4 + 12 + 6);
    EXPECT_EQ((std::array{parts[3][8], parts[3][9], parts[4][8], parts[4][9]}),
              (std::array<uint8_t, 4>{0, 2, 3, 3}));
    EXPECT_EQ(load_le<uint64_t>(&parts[3][24]), 10000u);
    EXPECT_EQ((std::array{word(3, 48), word(3, 50), word(3, 52)}), (std::array<uint16_t, 3>{120, 0, 3}));
    EXPECT_EQ(load_le<uint64_t>(&parts[4][24]), 2u);
    EXPECT_EQ((std::array{word(4, 48), word(4, 50), word(4, 52)}), (std::array<uint16_t, 3>{3, 32767, 1}));
    EXPECT_EQ(dword(5, 24), 2u | 1 << 4 | 1 << 8 | 2 << 12 | 64 << 16);
    EXPECT_EQ(dword(6, 24), 2u | 2 << 4 | 2 << 8 | 1 << 12 | 32 << 16);
    EXPECT_EQ(load_le<uint64_t>(&parts[5][16]), 0x12345678u);
}

TEST(Hmat, UnitsAndWhatFits) {
    const auto matrix = [](uint8_t kind, uint64_t a, uint64_t b) {
        return HmatMatrix{.hierarchy = 0, .kind = kind, .values = {{a, b}, {0, 0}}};
    };
    EXPECT_EQ(matrix(0, 0, 0).base(), 1u);
    EXPECT_EQ(matrix(0, 100, 2000).base(), 100u);
    EXPECT_EQ(matrix(3, 96, 1024).base(), 32u);
    EXPECT_TRUE(matrix(0, 1, 65534).fits());
    EXPECT_FALSE(matrix(0, 1, 65535).fits());
    EXPECT_TRUE(matrix(0, 10, 655340).fits());
    EXPECT_FALSE(matrix(3, 65535, 0).fits());
    EXPECT_TRUE(matrix(3, 1ull << 40, 1ull << 26).fits());
}

TEST(Slit, RowsFollowTheCount) {
    const Table t = build_slit({{10, 20}, {21, 10}}, {});
    EXPECT_EQ(load_le<uint64_t>(&t.bytes[36]), 2u);
    EXPECT_EQ((std::vector<uint8_t>{t.bytes.begin() + 44, t.bytes.end()}),
              (std::vector<uint8_t>{10, 20, 21, 10}));
    EXPECT_DEATH(build_slit({{10, 20}, {21}}, {}), "distance row");
}

}  // namespace
}  // namespace vmm::acpi
