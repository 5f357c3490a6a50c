// The devices that test programs use, and pvpanic-pci.
#include <gtest/gtest.h>

#include "hw/misc/types.h"
#include "hw/misc/vmcoreinfo.h"
#include "hw/misc/vmgenid.h"
#include "system/memory/ram_block.h"
#include "tests/unit/hw/misc/device_on_bus.h"

namespace vmm {
namespace {

constexpr uint32_t kBar = 0xe0000000;
constexpr uint16_t kPorts = 0xc000;

class MiscDevices : public ::testing::Test, protected DeviceOnBus {
  protected:
    void SetUp() override { register_misc_types(types); }
};

TEST_F(MiscDevices, pvpanicPciTellsAndTakesEvents) {
    ASSERT_EQ(add({{"driver", "pvpanic-pci"}, {"addr", "04.0"}}), "");
    EXPECT_EQ(config(0, 4), 0x00111b36u);
    place(kBar);
    EXPECT_EQ(load(kBar, 1), 3u);
    store(kBar, 2, 1);
    EXPECT_EQ(env.asked.crash_loads, 1u);
    store(kBar, 1, 1);
    EXPECT_EQ(env.asked.shutdowns, std::vector<ShutdownCause>{ShutdownCause::GuestPanic});
}

TEST_F(MiscDevices, vmgenidHasOneIdentifierInItsPage) {
    ASSERT_EQ(add({{"driver", "vmgenid"}, {"id", "g"}, {"guid", "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"}}),
              "");
    const auto& device = static_cast<VmGenId&>(*tree.find("g")->device);
    const std::vector<uint8_t> page = device.page();
    ASSERT_EQ(page.size(), 4096u);
    EXPECT_EQ(std::vector<uint8_t>(page.begin() + 40, page.begin() + 48),
              (std::vector<uint8_t>{0xaf, 0x6e, 0x4e, 0x32, 0xd1, 0xd1, 0xf6, 0x4b}));
    EXPECT_EQ(page[48], 0xbf);
    EXPECT_EQ(env.firmware.files.at("etc/vmgenid_addr").size(), 8u);
    EXPECT_EQ(device.guest_address(), 0u);
    const std::vector<uint8_t> told = {0x28, 0, 0xfd, 0x7f, 0, 0, 0, 0};
    env.firmware.written.at("etc/vmgenid_addr")(told);
    EXPECT_EQ(device.guest_address(), 0x7ffd0028u);
    EXPECT_EQ(add({{"driver", "vmgenid"}}), "only one vmgenid device is permitted");
}

TEST_F(MiscDevices, vmgenidMakesANewIdentifierOrRefusesABadOne) {
    EXPECT_NE(add({{"driver", "vmgenid"}, {"guid", "nonsense"}}), "");
    ASSERT_EQ(add({{"driver", "vmgenid"}, {"id", "g"}}), "");
    const std::string guid = static_cast<VmGenId&>(*tree.find("g")->device).guid().text();
    EXPECT_EQ(guid[14], '4');
    EXPECT_NE(guid, "00000000-0000-4000-8000-000000000000");
}

TEST_F(MiscDevices, vmcoreinfoIsAFileThatSaysElf) {
    ASSERT_EQ(add({{"driver", "vmcoreinfo"}, {"id", "c"}}), "");
    const std::vector<uint8_t>& file = env.firmware.files.at("etc/vmcoreinfo");
    ASSERT_EQ(file.size(), 16u);
    EXPECT_EQ(file[0], 1);
    auto& device = static_cast<VmCoreInfo&>(*tree.find("c")->device);
    EXPECT_EQ(device.info(), CoreInfo{});
    const std::vector<uint8_t> said = {1, 0, 1, 0, 0x40, 0, 0, 0, 0, 0x10, 0x20, 0, 1, 0, 0, 0};
    env.firmware.written.at("etc/vmcoreinfo")(said);
    EXPECT_EQ(device.info(), (CoreInfo{1, 0x40, 0x100201000}));
}

TEST_F(MiscDevices, pvpanicIsAtItsPort) {
    ASSERT_EQ(add({{"driver", "pvpanic"}, {"ioport", "0x600"}, {"events", "1"}}), "");
    EXPECT_EQ(in(0x600, 1), 1u);
    EXPECT_EQ(in(0x505, 1), 0xffu);
    out(0x600, 1, 1);
    EXPECT_EQ(env.asked.shutdowns.size(), 1u);
}

TEST_F(MiscDevices, pciTestdevDescribesAndCountsItsTests) {
    ASSERT_EQ(add({{"driver", "pci-testdev"}, {"addr", "4"}}), "");
    EXPECT_EQ(config(0, 4), 0x00051b36u);
    place(kBar, kPorts);
    EXPECT_EQ(load(kBar + 4, 4), 0u);  // none chosen
    const char* names[] = {"mmio-no-eventfd", "mmio-wildcard-eventfd", "mmio-datamatch-eventfd"};
    for (unsigned test = 0; test < 3; ++test) {
        store(kBar, test, 1);
        EXPECT_EQ(load(kBar, 1), test);
        EXPECT_EQ(load(kBar + 1, 1), 1u);
        const uint64_t offset = load(kBar + 4, 4), data = load(kBar + 8, 4);
        EXPECT_EQ(offset, 2048 + test);
        EXPECT_EQ(load(kBar + 12, 4), 0u);
        for (int i = 0; i < 5; ++i)
            store(kBar + offset, data, 1);
        store(kBar + offset + 1, data, 1);
        EXPECT_EQ(load(kBar + 12, 4), 5u);
        std::string name;
        for (uint64_t at = kBar + 16; char c = static_cast<char>(load(at, 1)); ++at)
            name += c;
        EXPECT_EQ(name, names[test]);
    }
    store(kBar + 2050, 0, 1);  // the last wants its value
    EXPECT_EQ(load(kBar + 12, 4), 5u);
    store(kBar, 3, 1);
    EXPECT_EQ(load(kBar + 1, 1), 0u);
}

TEST_F(MiscDevices, pciTestdevsPortsAreABenchOfTheirOwn) {
    ASSERT_EQ(add({{"driver", "pci-testdev"}, {"addr", "4"}}), "");
    place(kBar, kPorts);
    store(kBar, 1, 1);
    out(kPorts, 0, 1);
    EXPECT_EQ(load(kBar + 1, 1), 0u);
    EXPECT_EQ(in(kPorts + 4, 4), 128u);
    out(kPorts + 128, 0xce, 1);
    EXPECT_EQ(in(kPorts + 12, 4), 1u);
}

TEST_F(MiscDevices, membarIsA64BitBarOfItsSize) {
    ASSERT_EQ(add({{"driver", "pci-testdev"}, {"addr", "4"}, {"membar", "2G"}}), "");
    configure(pci::kBar0 + 8, ~0u, 4);
    configure(pci::kBar0 + 12, ~0u, 4);
    EXPECT_EQ(config(pci::kBar0 + 8, 4), 0x8000000cu);
    EXPECT_EQ(config(pci::kBar0 + 12, 4), 0xffffffffu);
    EXPECT_EQ(add({{"driver", "pci-testdev"}, {"membar", "3G"}}),
              "Parameter 'membar' expects a power of two of at least 16");
}

TEST_F(MiscDevices, pcTestdevsLatchKeepsWhatIsWritten) {
    ASSERT_EQ(add({{"driver", "pc-testdev"}}), "");
    out(0xe0, 0x12345678, 4);
    EXPECT_EQ(in(0xe0, 4), 0x12345678u);
    EXPECT_EQ(in(0xe0, 1), 0x78u);
    EXPECT_EQ(in(0xe1, 1), 0x56u);
    EXPECT_EQ(in(0xe2, 2), 0x1234u);
    EXPECT_EQ(in(0xe8, 1), 0x78u);
    out(0xe1, 0xaa, 1);
    EXPECT_EQ(in(0xe0, 4), 0x1234aa78u);
}

TEST_F(MiscDevices, pcTestdevSetsInterruptsAndHasMemory) {
    ASSERT_EQ(add({{"driver", "pc-testdev"}}), "");
    out(0x200e, 1, 1);
    EXPECT_TRUE(env.pins.level(14));
    out(0x200e, 0, 4);
    EXPECT_FALSE(env.pins.level(14));
    out(0x2017, 1, 1);  // there is none
    store(0xff000003, 0x1122334455667788, 8);
    EXPECT_EQ(load(0xff000003, 8), 0x1122334455667788u);
    EXPECT_EQ(load(0xff000005, 2), 0x5566u);
    EXPECT_EQ(load(0xff00fffd, 8) & 0xffffff, 0u);
}

TEST_F(MiscDevices, pcTestdevDropsAPageButNotItsBytes) {
    std::unique_ptr<RamBlock> ram = RamBlock::anonymous("ram", 0x4000).take_value();
    MemoryRegion region = MemoryRegion::ram("ram", *ram);
    env.topology().add(env.system_space(), region, 0x100000);
    ASSERT_EQ(add({{"driver", "pc-testdev"}}), "");
    ram->bytes()[0x2345] = 0x5a;
    out(0xe4, 0x102345, 4);
    EXPECT_EQ(ram->bytes()[0x2345], 0x5a);
    EXPECT_EQ(in(0xe4, 4), 0u);
    out(0xe4, 0x200000, 4);  // no RAM there
}

}  // namespace
}  // namespace vmm
