// Memory hot-plug by its registers, as the tables' methods use them.
#include "hw/acpi/memory_hotplug.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/acpi/fake_hotplug_host.h"

namespace vmm::acpi {
namespace {

class MemoryHotplugTest : public ::testing::Test {
  protected:
    uint32_t in(unsigned offset, unsigned size = 4) {
        return static_cast<uint32_t>(memory.read(offset, size));
    }
    void out(unsigned offset, uint32_t value, unsigned size = 4) { memory.write(offset, value, size); }
    void select(uint32_t slot) { out(MemoryHotplug::kSelect, slot); }
    uint32_t state() { return in(MemoryHotplug::kState, 1); }

    FakeHotplugHost host;
    MemoryHotplug memory{3, host};
};

TEST_F(MemoryHotplugTest, aNewModuleIsThereWithItsPlace) {
    memory.arrived(1, {.address = 0x123400000000, .size = 0x580000000, .node = 2}, News::Yes);
    EXPECT_EQ(host.events, 1);
    select(1);
    EXPECT_EQ(in(0), 0u);
    EXPECT_EQ(in(4), 0x1234u);
    EXPECT_EQ(in(8), 0x80000000u);
    EXPECT_EQ(in(12), 5u);
    EXPECT_EQ(in(MemoryHotplug::kNode), 2u);
    EXPECT_EQ(state(), MemoryHotplug::kPresent | MemoryHotplug::kCame);
    out(MemoryHotplug::kState, MemoryHotplug::kCame, 1);
    EXPECT_EQ(state(), MemoryHotplug::kPresent);
    EXPECT_EQ(in(22, 1), 0xffu) << "no register";
}

TEST_F(MemoryHotplugTest, whatWasThereAtTheStartIsNoNews) {
    memory.arrived(0, {.address = 1ull << 32, .size = 1 << 27, .node = 0}, News::No);
    EXPECT_EQ(host.events, 0);
    EXPECT_EQ(state(), MemoryHotplug::kPresent);
}

TEST_F(MemoryHotplugTest, itGoesWhenTheGuestEjectsIt) {
    memory.arrived(2, {.address = 1ull << 32, .size = 1 << 27, .node = 0}, News::No);
    memory.ask_removal(2);
    EXPECT_EQ(host.events, 1);
    select(2);
    EXPECT_EQ(state(), MemoryHotplug::kPresent | MemoryHotplug::kWanted);
    out(MemoryHotplug::kState, MemoryHotplug::kWanted, 1);
    EXPECT_EQ(state(), MemoryHotplug::kPresent);
    out(MemoryHotplug::kState, MemoryHotplug::kEject, 1);
    EXPECT_EQ(host.ejected, std::vector<unsigned>{2});
    EXPECT_EQ(state(), 0u) << "the guest asks at once whether it went";
    memory.left(2);
    EXPECT_EQ(state(), 0u);
    EXPECT_EQ(in(4), 0u);
    out(MemoryHotplug::kState, MemoryHotplug::kEject, 1);
    EXPECT_EQ(host.ejected.size(), 1u) << "an empty slot";
}

TEST_F(MemoryHotplugTest, whatTheGuestSaysIsPassedOn) {
    select(1);
    out(MemoryHotplug::kOstEvent, 3);
    EXPECT_TRUE(host.reports.empty());
    out(MemoryHotplug::kOstStatus, 1);
    ASSERT_EQ(host.reports.size(), 1u);
    EXPECT_EQ(host.reports[0].first, 1u);
    EXPECT_EQ(host.reports[0].second.event, 3u);
    EXPECT_EQ(memory.ost_reports()[1].status, 1u);
}

TEST_F(MemoryHotplugTest, beyondTheLastThereIsNothing) {
    select(3);
    EXPECT_EQ(state(), 0u);
    EXPECT_EQ(in(8), 0u);
    out(MemoryHotplug::kState, 0xff, 1);
    out(MemoryHotplug::kOstStatus, 1);
    EXPECT_TRUE(host.ejected.empty());
    EXPECT_TRUE(host.reports.empty());
    memory.reset_enter();
    memory.arrived(0, {.address = 1ull << 32, .size = 1 << 27, .node = 0}, News::No);
    EXPECT_EQ(state(), MemoryHotplug::kPresent) << "a reset selects the first";
}

}  // namespace
}  // namespace vmm::acpi
