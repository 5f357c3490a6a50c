// PM1: which bits stick, what pends, what asks for sleep.
#include "hw/acpi/pm_registers.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace vmm::acpi {
namespace {

constexpr uint32_t kAll = 0xffffffff;

class PmRegistersTest : public ::testing::Test {
  protected:
    uint32_t status() { return pm.load(PmRegisters::kEvents) & 0xffff; }
    uint32_t enable() { return pm.load(PmRegisters::kEvents) >> 16; }
    void set_enable(uint32_t bits) { (void)pm.store(PmRegisters::kEvents, bits << 16, 0xffff0000); }
    void clear(uint32_t bits) { (void)pm.store(PmRegisters::kEvents, bits, 0xffff); }
    std::optional<unsigned> control(uint32_t value, uint32_t lanes = 0xffff) {
        return pm.store(PmRegisters::kControl, value, lanes);
    }

    FakeClock clock;
    PmRegisters pm{AcpiMode::Always, clock};
};

TEST_F(PmRegistersTest, OnlyEventsThatExistCanBeEnabled) {
    set_enable(0xffff);
    EXPECT_EQ(enable(), kPm1Timer | kPm1GlobalLock | kPm1PowerButton | kPm1Rtc);
    (void)pm.store(PmRegisters::kEvents, 0, 0xff000000);
    EXPECT_EQ(enable(), kPm1Timer | kPm1GlobalLock);
}

TEST_F(PmRegistersTest, PowerButtonNeedsAListener) {
    EXPECT_FALSE(pm.press_power_button());
    EXPECT_EQ(status(), 0u);
    set_enable(kPm1PowerButton);
    EXPECT_TRUE(pm.press_power_button());
    EXPECT_EQ(status(), kPm1PowerButton);
    EXPECT_TRUE(pm.pending());
    clear(kPm1Timer);
    EXPECT_TRUE(pm.pending());
    clear(kPm1PowerButton);
    EXPECT_FALSE(pm.pending());
    EXPECT_EQ(status(), 0u);
}

TEST_F(PmRegistersTest, GlobalLockPendsWhenEnabled) {
    pm.release_global_lock();
    EXPECT_EQ(status(), kPm1GlobalLock);
    EXPECT_FALSE(pm.pending());
    set_enable(kPm1GlobalLock);
    EXPECT_TRUE(pm.pending());
}

TEST_F(PmRegistersTest, TimerStatusIsSetWhenTheHighestBitChanges) {
    set_enable(kPm1Timer);
    ASSERT_TRUE(pm.next_change_ns());
    clock.advance_to(*pm.next_change_ns() - 1);
    EXPECT_FALSE(pm.pending());
    clock.advance(1);
    EXPECT_TRUE(pm.pending());
    EXPECT_EQ(status(), kPm1Timer);
    EXPECT_FALSE(pm.next_change_ns());
    clear(kPm1Timer);
    EXPECT_FALSE(pm.pending());
    ASSERT_TRUE(pm.next_change_ns());
    EXPECT_GT(*pm.next_change_ns(), clock.now_ns());
}

TEST_F(PmRegistersTest, TimerSetsItsStatusWithoutEnableToo) {
    clock.advance(3'000'000'000);
    EXPECT_EQ(status(), kPm1Timer);
    EXPECT_FALSE(pm.pending());
    EXPECT_FALSE(pm.next_change_ns());
    EXPECT_EQ(pm.load(PmRegisters::kTimer), (3ll * 3579545) & 0xffffff);
    (void)pm.store(PmRegisters::kTimer, 0, kAll);  // read-only
    EXPECT_EQ(pm.load(PmRegisters::kTimer), (3ll * 3579545) & 0xffffff);
}

TEST_F(PmRegistersTest, ControlKeepsItsBitsAndHidesTheCommands) {
    EXPECT_FALSE(control(0xdfff));  // all but SLP_EN
    EXPECT_EQ(pm.load(PmRegisters::kControl), 0x1c03u);
    EXPECT_FALSE(control(0));
    EXPECT_EQ(pm.load(PmRegisters::kControl), kPm1SciEnable);  // wired
}

TEST_F(PmRegistersTest, EverySleepTypeIsReported) {
    for (unsigned type = 0; type < 8; ++type) {
        auto asked = control(type << 10 | kPm1SleepEnable);
        ASSERT_TRUE(asked);
        EXPECT_EQ(*asked, type);
        EXPECT_EQ(pm.load(PmRegisters::kControl), type << 10 | kPm1SciEnable);
    }
    // In two bytes, type first.
    EXPECT_FALSE(control(5u << 10, 0xff00));
    EXPECT_FALSE(control(0, 0x00ff));
    EXPECT_EQ(control(5u << 10 | kPm1SleepEnable, 0xff00), 5u);
    EXPECT_FALSE(control(kPm1SleepEnable, 0x00ff));  // the bit is not in the written byte
}

TEST_F(PmRegistersTest, FirmwareSwitchesTheModeWhereThereAreTwo) {
    pm.set_acpi_mode(false);
    EXPECT_TRUE(pm.acpi_mode());
    PmRegisters switched(AcpiMode::Switched, clock);
    EXPECT_FALSE(switched.acpi_mode());
    switched.set_acpi_mode(true);
    EXPECT_TRUE(switched.acpi_mode());
    EXPECT_EQ(switched.load(PmRegisters::kControl), kPm1SciEnable);
    switched.set_acpi_mode(false);
    EXPECT_FALSE(switched.acpi_mode());
}

TEST_F(PmRegistersTest, ResetForgetsEventsAndLateTimers) {
    set_enable(0xffff);
    (void)pm.press_power_button();
    (void)control(0x1c02);
    clock.advance(5'000'000'000);
    EXPECT_EQ(status(), kPm1PowerButton | kPm1Timer);
    pm.reset();
    EXPECT_EQ(pm.load(PmRegisters::kEvents), 0u);
    EXPECT_EQ(pm.load(PmRegisters::kControl), kPm1SciEnable);
}

}  // namespace
}  // namespace vmm::acpi
