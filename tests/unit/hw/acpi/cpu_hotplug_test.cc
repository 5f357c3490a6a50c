// Processor hot-plug by its registers, as firmware and the tables' methods use them.
#include "hw/acpi/cpu_hotplug.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/acpi/fake_hotplug_host.h"

namespace vmm::acpi {
namespace {

class CpuHotplugTest : public ::testing::Test {
  protected:
    CpuHotplugTest() { cpus.arrived(0, News::No, Removable::No); }
    uint32_t in(unsigned offset, unsigned size = 4) { return static_cast<uint32_t>(cpus.read(offset, size)); }
    void out(unsigned offset, uint32_t value, unsigned size = 4) { cpus.write(offset, value, size); }
    void select(uint32_t slot) { out(CpuHotplug::kSelect, slot); }
    uint32_t state() { return in(CpuHotplug::kState, 1); }
    void command(uint32_t number) { out(CpuHotplug::kCommand, number, 1); }

    FakeHotplugHost host;
    CpuHotplug cpus{{0, 1, 4, 9}, host};
};

TEST_F(CpuHotplugTest, itBeginsAsTheBitmapOfOld) {
    cpus.arrived(3, News::No);
    EXPECT_EQ(in(0, 1), 1u);
    EXPECT_EQ(in(1, 1), 2u);
    EXPECT_EQ(in(0), 0x201u);
    select(1);  // no switch
    EXPECT_EQ(in(0, 1), 1u);
    select(0);
    EXPECT_EQ(state(), CpuHotplug::kPresent);
    EXPECT_EQ(in(12), ~0u);
    cpus.reset_enter();
    EXPECT_EQ(in(1, 1), 2u);
}

// As OVMF counts: selects one after another until the selector does not read back.
TEST_F(CpuHotplugTest, firmwareCountsThePossibleOnes) {
    cpus.arrived(2, News::No);
    select(0);
    select(0);
    command(0);
    ASSERT_EQ(in(0), 0u);
    unsigned possible = 0, present = 0;
    do {
        if ((state() & CpuHotplug::kPresent) != 0) ++present;
        select(++possible);
    } while (in(CpuHotplug::kData) > 0);
    EXPECT_EQ(possible, 4u);
    EXPECT_EQ(present, 2u);
}

TEST_F(CpuHotplugTest, newsAreFoundInTurnAndCleared) {
    select(0);
    cpus.arrived(1, News::Yes);
    cpus.arrived(3, News::Yes);
    EXPECT_EQ(host.events, 2);
    cpus.ask_removal(1);
    EXPECT_EQ(host.events, 3);
    command(0);
    EXPECT_EQ(in(CpuHotplug::kData), 1u);
    EXPECT_EQ(state(), CpuHotplug::kPresent | CpuHotplug::kCame | CpuHotplug::kWanted);
    out(CpuHotplug::kState, CpuHotplug::kCame, 1);
    EXPECT_EQ(state(), CpuHotplug::kPresent | CpuHotplug::kWanted);
    out(CpuHotplug::kState, CpuHotplug::kWanted, 1);
    command(0);
    EXPECT_EQ(in(CpuHotplug::kData), 3u);
    command(3);
    EXPECT_EQ(in(CpuHotplug::kData), 9u) << "its APIC id";
    EXPECT_EQ(in(0), 0u) << "and the upper half of it";
    out(CpuHotplug::kState, CpuHotplug::kCame, 1);
    command(0);
    EXPECT_EQ(in(CpuHotplug::kData), 3u) << "nothing new: the selection stays";
}

TEST_F(CpuHotplugTest, aProcessorGoesWhenTheGuestEjectsIt) {
    select(0);
    cpus.arrived(2, News::No);
    select(2);
    out(CpuHotplug::kState, CpuHotplug::kEject, 1);
    EXPECT_EQ(host.ejected, std::vector<unsigned>{2});
    EXPECT_EQ(state(), 0u) << "the guest asks at once whether it went";
    cpus.left(2);
    EXPECT_EQ(state(), 0u);
    out(CpuHotplug::kState, CpuHotplug::kEject, 1);
    select(0);
    out(CpuHotplug::kState, CpuHotplug::kEject, 1);
    EXPECT_EQ(host.ejected.size(), 1u) << "neither an empty slot nor the boot processor";
}

TEST_F(CpuHotplugTest, whatTheGuestSaysIsPassedOn) {
    select(0);
    select(3);
    command(1);
    out(CpuHotplug::kData, 0x103);
    command(2);
    out(CpuHotplug::kData, 0x82);
    ASSERT_EQ(host.reports.size(), 1u);
    EXPECT_EQ(host.reports[0].first, 3u);
    EXPECT_EQ(host.reports[0].second.event, 0x103u);
    EXPECT_EQ(host.reports[0].second.status, 0x82u);
    EXPECT_EQ(cpus.ost_reports()[3].status, 0x82u);
}

TEST_F(CpuHotplugTest, beyondTheLastThereIsNothing) {
    select(0);
    select(4);
    EXPECT_EQ(state(), 0u);
    EXPECT_EQ(in(CpuHotplug::kData), 0u);
    out(CpuHotplug::kState, 0xff, 1);
    command(2);
    out(CpuHotplug::kData, 7);
    EXPECT_TRUE(host.ejected.empty());
    EXPECT_TRUE(host.reports.empty());
}

}  // namespace
}  // namespace vmm::acpi
