#include "hw/i386/fw_cfg_x86.h"

#include <gtest/gtest.h>

#include "hw/acpi/linker_script.h"
#include "hw/i386/acpi_tables.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {
namespace {

uint64_t number(FwCfgItems& items, FwCfgKey key) {
    const FwCfgItem* item = items.find(static_cast<uint16_t>(key));
    return item == nullptr ? ~uint64_t{0}
                           : load_le_sized(item->bytes.data(), static_cast<unsigned>(item->bytes.size()));
}

FwCfgConfig sample() {
    FwCfgConfig c;
    c.memory.ram_below = 512 * kMiB;
    c.memory.ram_above = kGiB;
    c.ram_size = 1536 * kMiB;
    c.boot_cpus = 2;
    c.apic_ids = {0, 4};
    return c;
}

TEST(FwCfgX86, Firmware_findsMemoryAndCpus) {
    FwCfgItems items;
    ASSERT_TRUE(publish_fw_cfg(sample(), items));
    EXPECT_EQ(number(items, FwCfgKey::RamSize), 1536 * kMiB);
    EXPECT_EQ(number(items, FwCfgKey::NbCpus), 2u);
    EXPECT_EQ(number(items, FwCfgKey::MaxCpus), 5u);
    const FwCfgItem* e820 = items.find_file("etc/e820");
    ASSERT_NE(e820, nullptr);
    ASSERT_EQ(e820->bytes.size(), 40u);
    EXPECT_EQ(load_le<uint64_t>(&e820->bytes[8]), 512 * kMiB);
    EXPECT_EQ(load_le<uint64_t>(&e820->bytes[20]), 4 * kGiB);
    EXPECT_EQ(items.find_file("etc/system-states")->bytes.size(), 6u);
    EXPECT_EQ(items.find_file("etc/sercon-port"), nullptr);
    EXPECT_EQ(items.find_file("etc/acpi/tables"), nullptr);
}

TEST(FwCfgX86, NoGraphics_sendsFirmwareToTheSerialPort) {
    FwCfgConfig c = sample();
    c.graphics = false;
    c.serial_console = 0x3f8;
    FwCfgItems items;
    ASSERT_TRUE(publish_fw_cfg(c, items));
    EXPECT_EQ(number(items, FwCfgKey::NoGraphic), 1u);
    EXPECT_EQ(load_le<uint64_t>(items.find_file("etc/sercon-port")->bytes.data()), 0x3f8u);
}

TEST(FwCfgX86, Tables_comeWithTheirLoader) {
    AcpiConfig a;
    a.cpus = {{0, {}, true}};
    const acpi::AcpiImage image = build_acpi(a);
    const smbios::Image dmi = smbios::build({}).take_value();
    FwCfgConfig c = sample();
    c.acpi = &image;
    c.smbios = &dmi;
    FwCfgItems items;
    ASSERT_TRUE(publish_fw_cfg(c, items));
    EXPECT_EQ(items.find_file("etc/acpi/tables")->bytes, image.tables);
    EXPECT_EQ(items.find_file("etc/acpi/rsdp")->bytes, image.rsdp);
    EXPECT_EQ(items.find_file("etc/table-loader")->bytes, acpi::linker_script(image));
    EXPECT_EQ(items.find_file("etc/smbios/smbios-anchor")->bytes.size(), 31u);
}

TEST(FwCfgX86, Numa_countsThenCpusThenMemory) {
    FwCfgConfig c = sample();
    c.cpu_nodes = {0, 1};
    c.nodes = {{512 * kMiB}, {kGiB}};
    FwCfgItems items;
    ASSERT_TRUE(publish_fw_cfg(c, items));
    const std::vector<uint8_t>& b = items.find(static_cast<uint16_t>(FwCfgKey::Numa))->bytes;
    ASSERT_EQ(b.size(), 8u * (1 + 5 + 2));
    EXPECT_EQ(load_le<uint64_t>(&b[0]), 2u);
    EXPECT_EQ(load_le<uint64_t>(&b[8 * (1 + 4)]), 1u);
    EXPECT_EQ(load_le<uint64_t>(&b[8 * 7]), kGiB);
}

TEST(FwCfgX86, BadKernel_isRefused) {
    FwCfgConfig c = sample();
    c.kernel = FwCfgKernel{{1, 2, 3}, {}, "", {}};
    FwCfgItems items;
    EXPECT_FALSE(publish_fw_cfg(c, items));
}

}  // namespace
}  // namespace vmm
