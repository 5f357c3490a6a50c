// Conventional hot-plug by its registers, as the tables' methods use them.
#include "hw/acpi/pci_hotplug.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/pci/tree_fixture.h"

namespace vmm::acpi {
namespace {

class PciHotplugTest : public ::testing::Test, protected pci::PciTree {
  protected:
    PciHotplugTest() {
        EXPECT_EQ(add({{"driver", "pcie-pci-bridge"}, {"id", "pp"}, {"addr", "3"}}), "");
        EXPECT_EQ(
            add({{"driver", "pci-bridge"}, {"id", "pb"}, {"bus", "pp"}, {"chassis_nr", "1"}, {"addr", "1"}}),
            "");
        EXPECT_EQ(add({{"driver", "test-function"}, {"id", "cold"}, {"bus", "pp"}, {"addr", "2"}}), "");
        for (const char* id : {"pp", "pb"})
            EXPECT_EQ(hotplug.add_bus(function(id).as_bridge()->secondary()), next++);
        resets.add(hotplug);
        resets.reset();
        tree.set_running();
    }
    ~PciHotplugTest() override {
        for (const char* id : {"pp", "pb"})
            function(id).as_bridge()->secondary().set_hotplug(nullptr);
    }
    uint32_t in(unsigned offset) { return static_cast<uint32_t>(hotplug.read(offset, 4)); }
    void out(unsigned offset, uint32_t value) { hotplug.write(offset, value, 4); }
    void select(uint32_t bus) { out(PciHotplug::kSelect, bus); }
    std::string plug(const char* id, const char* bus, const char* addr) {
        return add({{"driver", "test-function"}, {"id", id}, {"bus", bus}, {"addr", addr}});
    }

    unsigned next = 0;
    unsigned events = 0;
    PciHotplug hotplug{[this] { ++events; }};
};

TEST_F(PciHotplugTest, whatWasThereAtTheStartIsNoNews) {
    EXPECT_EQ(events, 0u);
    EXPECT_EQ(in(PciHotplug::kUp), 0u);
}

TEST_F(PciHotplugTest, aNewDeviceIsToldOnceOnItsBus) {
    ASSERT_EQ(plug("new", "pb", "5"), "");
    EXPECT_EQ(events, 1u);
    EXPECT_EQ(in(PciHotplug::kUp), 0u);
    select(1);
    EXPECT_EQ(in(PciHotplug::kUp), 1u << 5);
    EXPECT_EQ(in(PciHotplug::kUp), 0u);
    EXPECT_EQ(in(PciHotplug::kRemovable), ~0u);
}

TEST_F(PciHotplugTest, aDeviceGoesWhenTheGuestEjectsIt) {
    ASSERT_TRUE(tree.request_removal("cold"));
    EXPECT_EQ(events, 1u);
    EXPECT_EQ(in(PciHotplug::kDown), 1u << 2);
    settle();
    EXPECT_TRUE(deleted.empty());
    out(PciHotplug::kEject, 1u << 2);
    settle();
    EXPECT_EQ(deleted, std::vector<std::string>{"cold"});
    EXPECT_EQ(in(PciHotplug::kDown), 0u);
    ASSERT_EQ(plug("cold", "pp", "2"), "");
}

TEST_F(PciHotplugTest, aResetEndsWhatWasAsked) {
    ASSERT_EQ(plug("new", "pb", "5"), "");
    ASSERT_TRUE(tree.request_removal("new"));
    resets.reset();
    settle();
    EXPECT_EQ(deleted, std::vector<std::string>{"new"});
    select(1);
    EXPECT_EQ(in(PciHotplug::kUp), 0u);
    EXPECT_EQ(in(PciHotplug::kDown), 0u);
}

TEST_F(PciHotplugTest, nonsenseIsNothing) {
    select(2);
    EXPECT_EQ(in(PciHotplug::kUp), 0u);
    EXPECT_EQ(in(PciHotplug::kRemovable), 0u);
    out(PciHotplug::kEject, ~0u);
    select(0);
    out(PciHotplug::kRemovable, ~0u);
    settle();
    EXPECT_TRUE(deleted.empty());
}

}  // namespace
}  // namespace vmm::acpi
