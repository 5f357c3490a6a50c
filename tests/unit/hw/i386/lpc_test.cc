// The LPC bridge and what hangs on it, through configuration space, ports and memory as a guest does.
#include "hw/i386/lpc.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/i386/chipset_fixture.h"

namespace vmm {
namespace {

constexpr uint16_t kPm = 0x600;

class LpcTest : public ::testing::Test {
  protected:
    uint32_t get(unsigned offset, unsigned size = 1) { return w.lpc.config_read(offset, size); }
    void set(unsigned offset, uint32_t value, unsigned size = 1) { w.lpc.config_write(offset, value, size); }
    uint64_t in(unsigned port, unsigned size) { return w.ports.load(Gpa(port), size); }
    void out(unsigned port, uint64_t value, unsigned size) { w.ports.store(Gpa(port), value, size); }
    void enable_pm() {
        set(0x40, kPm, 4);
        set(0x44, 0x80);
    }
    ChipsetWorld w;
};

TEST_F(LpcTest, IsTheIch9LpcBridge) {
    EXPECT_EQ(get(0x00, 4), 0x29188086u);
    EXPECT_EQ(get(0x08, 4), 0x06010002u);
    EXPECT_EQ(get(0x0e), 0x80u);
    EXPECT_EQ(get(0x2c, 4), 0x11001af4u);
    EXPECT_EQ(get(0x04, 2), 7u);
    set(0x04, 0, 2);
    EXPECT_EQ(get(0x04, 2), 7u);  // wired
}

// Every byte of device-specific space: reset value, all ones written, zero written.
TEST_F(LpcTest, BitsThatStickByTable) {
    struct Field {
        unsigned offset;
        unsigned size;
        uint32_t reset, writable;
    };
    const Field fields[] = {
        {0x40, 4, 1, 0xff80},      {0x44, 1, 0, 0x87},        {0x48, 4, 1, 0xffc0},
        {0x4c, 1, 0, 0x10},        {0x60, 1, 0x80, 0x8f},     {0x61, 1, 0x80, 0x8f},
        {0x62, 1, 0x80, 0x8f},     {0x63, 1, 0x80, 0x8f},     {0x64, 1, 0x10, 0xc3},
        {0x68, 1, 0x80, 0x8f},     {0x69, 1, 0x80, 0x8f},     {0x6a, 1, 0x80, 0x8f},
        {0x6b, 1, 0x80, 0x8f},     {0x80, 2, 0, 0x1377},      {0x82, 2, 0, 0x3f0f},
        {0x84, 4, 0, 0xfcfffd},    {0x88, 4, 0, 0xfcfffd},    {0x8c, 4, 0, 0xfcfffd},
        {0x90, 4, 0, 0xfcfffd},    {0xa0, 2, 0, 0x04b7},      {0xa2, 1, 0, 0x80},
        {0xa4, 1, 0, 0xfd},        {0xa6, 1, 0, 0x06},        {0xd0, 4, 0x112233, 0xffffffff},
        {0xd4, 2, 0x4567, 0xffff}, {0xd8, 2, 0xffcf, 0x7fcf}, {0xdc, 1, 0, 0x0f},
        {0xf0, 4, 0, 0xffffc001},
    };
    for (unsigned offset = 0x40; offset < 0x100; ++offset) {
        uint8_t reset = 0, writable = 0;
        for (const Field& f : fields)
            if (offset >= f.offset && offset < f.offset + f.size) {
                reset = static_cast<uint8_t>(f.reset >> (8 * (offset - f.offset)));
                writable = static_cast<uint8_t>(f.writable >> (8 * (offset - f.offset)));
            }
        w.reset();
        EXPECT_EQ(get(offset), reset) << std::hex << offset;
        set(offset, 0xff);
        EXPECT_EQ(get(offset), reset | writable) << std::hex << offset;
        w.reset();
        set(offset, 0);
        EXPECT_EQ(get(offset), reset & ~writable) << std::hex << offset;
    }
}

TEST_F(LpcTest, PowerManagementShowsWhereAndWhenItIsEnabled) {
    EXPECT_EQ(in(kPm + 4, 2), 0xffffu);
    set(0x40, kPm, 4);
    EXPECT_EQ(in(kPm + 4, 2), 0xffffu);
    set(0x44, 0x80);
    EXPECT_EQ(in(kPm + 4, 2), 1u);
    set(0x40, 0xb000, 4);
    EXPECT_EQ(in(kPm + 4, 2), 0xffffu);
    EXPECT_EQ(in(0xb004, 2), 1u);
    set(0x40, 0, 4);
    EXPECT_EQ(in(4, 2), 0xffffu);  // base 0: nowhere
    set(0x40, kPm, 4);
    w.reset();
    EXPECT_EQ(in(kPm + 4, 2), 0xffffu);
}

TEST_F(LpcTest, SleepIsHeededOnlyWhereTheBoardCanWake) {
    enable_pm();
    out(kPm + 4, 0x2400, 2);
    EXPECT_EQ(w.requests.sleeps, 0u);
    w.lpc.pm().allow_sleep();
    out(kPm + 4, 0x0400, 2);  // the type alone
    EXPECT_EQ(w.requests.sleeps, 0u);
    out(kPm + 4, 0x2400, 2);
    EXPECT_EQ(w.requests.sleeps, 1u);
    out(kPm + 4, 0x2800, 2);
    EXPECT_EQ(w.requests.sleeps, 1u);
}

TEST_F(LpcTest, TheAlarmWakesASleeperThatWantsItAndTheStatusTellsWhy) {
    enable_pm();
    w.lpc.pm().allow_sleep();
    out(kPm + 2, 0x400, 2);
    w.lpc.pm().rtc_alarm();  // awake
    out(kPm + 2, 0, 2);
    out(kPm + 4, 0x2400, 2);
    w.lpc.pm().rtc_alarm();  // not wanted
    EXPECT_EQ(w.requests.wakes, 0u);
    out(kPm + 2, 0x400, 2);
    w.lpc.pm().rtc_alarm();
    w.lpc.pm().rtc_alarm();
    EXPECT_EQ(w.requests.wakes, 1u);
    w.lpc.pm().prepare_wake();
    w.reset();
    enable_pm();
    EXPECT_EQ(in(kPm, 4), 0x8400u);
    out(kPm, 0x8400, 2);
    EXPECT_EQ(in(kPm, 4), 0u);
    out(kPm + 4, 0x2400, 2);
    w.reset();  // by somebody else
    enable_pm();
    EXPECT_EQ(in(kPm, 4), 0u);
    w.lpc.pm().rtc_alarm();
    EXPECT_EQ(w.requests.wakes, 1u);
}

TEST(Lpc, SciSelectByTable) {
    const std::optional<unsigned> expected[] = {9, 10, 11, std::nullopt, 20, 21, 22, 23};
    for (unsigned value = 0; value < 256; ++value)
        EXPECT_EQ(sci_gsi_of(static_cast<uint8_t>(value)), expected[value & 7]);
}

TEST_F(LpcTest, PowerButtonRaisesTheSciWhereItIsRouted) {
    enable_pm();
    EXPECT_FALSE(w.lpc.pm().press_power_button());
    EXPECT_EQ(in(kPm, 2), 0u);
    out(kPm + 2, 0x100, 2);
    EXPECT_TRUE(w.lpc.pm().press_power_button());
    EXPECT_TRUE(w.pins.level(9));
    set(0x44, 0x84);
    EXPECT_FALSE(w.pins.level(9));
    EXPECT_TRUE(w.pins.level(20));
    EXPECT_EQ(in(kPm, 2), 0x100u);
    out(kPm, 0x100, 2);
    EXPECT_FALSE(w.pins.level(20));
}

TEST_F(LpcTest, GeneralPurposeEventsRaiseTheSci) {
    enable_pm();
    w.lpc.pm().raise_gpe(2);
    EXPECT_FALSE(w.pins.level(9));
    EXPECT_EQ(in(kPm + 0x20, 1), 4u);
    out(kPm + 0x28, 4, 1);
    EXPECT_TRUE(w.pins.level(9));
    EXPECT_EQ(in(kPm + 0x28, 4), 4u);
    out(kPm + 0x20, 4, 1);
    EXPECT_FALSE(w.pins.level(9));
    w.lpc.pm().raise_gpe(63);
    out(kPm + 0x2f, 0x80, 1);
    EXPECT_TRUE(w.pins.level(9));
    w.reset();
    EXPECT_FALSE(w.pins.level(9));
}

TEST_F(LpcTest, TimerInterruptsEachHalfPeriod) {
    enable_pm();
    out(kPm + 2, 1, 2);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(w.clock.next_expiry());
        w.clock.advance_to(*w.clock.next_expiry() - 1);
        EXPECT_FALSE(w.pins.level(9));
        w.clock.advance(1);
        EXPECT_TRUE(w.pins.level(9));
        EXPECT_EQ(in(kPm, 2), 1u);
        EXPECT_EQ(in(kPm + 8, 4) & 0x7fffff, 0u);
        out(kPm, 1, 2);
        EXPECT_FALSE(w.pins.level(9));
    }
    out(kPm + 2, 0, 2);
    EXPECT_FALSE(w.clock.next_expiry());
    out(kPm + 2, 1, 2);
    w.reset();
    EXPECT_FALSE(w.clock.next_expiry());
}

TEST_F(LpcTest, RegistersReadTheSameInAnyWidth) {
    enable_pm();
    out(kPm + 2, 0x121, 2);
    out(kPm + 0x28, 0x1234'5678, 4);
    w.clock.advance(1'234'567'890);
    for (unsigned offset = 0; offset < 0x80; offset += 4) {
        const uint64_t whole = in(kPm + offset, 4);
        EXPECT_EQ(in(kPm + offset, 2) | in(kPm + offset + 2, 2) << 16, whole) << std::hex << offset;
        EXPECT_EQ(in(kPm + offset, 1) | in(kPm + offset + 1, 1) << 8 | in(kPm + offset + 2, 1) << 16 |
                      in(kPm + offset + 3, 1) << 24,
                  whole)
            << std::hex << offset;
    }
}

TEST_F(LpcTest, SoftOffAsksForShutdownAndOtherSleepsDoNothing) {
    enable_pm();
    for (unsigned type = 1; type < 8; ++type)
        out(kPm + 4, type << 10 | 0x2001, 2);
    out(kPm + 4, 0x0001, 2);
    EXPECT_TRUE(w.requests.shutdowns.empty());
    out(kPm + 4, 0x2001, 2);
    ASSERT_EQ(w.requests.shutdowns.size(), 1u);
    EXPECT_EQ(w.requests.shutdowns[0], ShutdownCause::GuestShutdown);
    EXPECT_EQ(in(kPm + 4, 2), 1u);
}

TEST_F(LpcTest, SmiRegistersTellFirmwareThatSmmIsTakenCareOf) {
    enable_pm();
    EXPECT_EQ(in(kPm + 0x30, 4), 0x22u);
    out(kPm + 0x30, 0xffffffff, 4);
    EXPECT_EQ(in(kPm + 0x30, 4), 0x0806687fu);
    EXPECT_EQ(in(kPm, 2), 0x20u);  // BIOS_RLS gave the global lock back
    EXPECT_EQ(in(kPm + 0x34, 4), 0u);
    out(kPm + 0x30, 0, 4);
    EXPECT_EQ(in(kPm + 0x30, 4), 0u);
    // Once locked, the global enable stays until reset.
    set(0xa0, 0x10, 2);
    out(kPm + 0x30, 0x21, 4);
    EXPECT_EQ(in(kPm + 0x30, 4), 0x20u);
    set(0xa0, 0, 2);
    EXPECT_EQ(get(0xa0, 2), 0x10u);
    w.reset();
    enable_pm();
    EXPECT_EQ(get(0xa0, 2), 0u);
    out(kPm + 0x30, 0x21, 4);
    EXPECT_EQ(in(kPm + 0x30, 4), 0x21u);
}

TEST_F(LpcTest, TheStrapHoldsTheWatchdogBack) {
    enable_pm();
    EXPECT_EQ(in(kPm + 0x72, 2), 4u);
    set(0xf0, 0xfed1c001, 4);
    w.memory.store(Gpa(0xfed1c000 + 0x3410), 0, 4);
    EXPECT_EQ(w.memory.load(Gpa(0xfed1c000 + 0x3410), 4), 0x20u);  // no reboot, wired
    out(kPm + 0x60, 1, 2);
    w.clock.advance(10 * Tco::kTickNs);
    EXPECT_EQ(in(kPm + 0x64, 4), 0x00060008u);  // both ends came
    EXPECT_EQ(w.requests.watchdogs, 0u);
}

TEST(LpcWatchdog, WithoutTheStrapSoftwareDecides) {
    ChipsetWorld w(true, acpi::AcpiMode::Always, false);
    w.lpc.config_write(0x40, 0x601, 4);
    w.lpc.config_write(0x44, 0x80, 1);
    w.lpc.config_write(0xf0, 0xfed1c001, 4);
    constexpr uint64_t kGcs = 0xfed1c000 + 0x3410;
    EXPECT_EQ(w.memory.load(Gpa(kGcs), 4), 0u);
    w.memory.store(Gpa(kGcs), 0x20, 4);
    w.ports.store(Gpa(0x660), 1, 2);
    w.clock.advance(10 * Tco::kTickNs);
    EXPECT_EQ(w.requests.watchdogs, 0u);
    w.memory.store(Gpa(kGcs), 0, 4);
    w.ports.store(Gpa(0x660), 1, 2);
    w.clock.advance(10 * Tco::kTickNs);
    EXPECT_EQ(w.requests.watchdogs, 1u);
}

TEST_F(LpcTest, ChipsetRegistersShowAtTheirBase) {
    const auto at = [&](uint64_t offset) { return w.memory.load(Gpa(0xfed1c000 + offset), 4); };
    EXPECT_EQ(at(0x3140), 0xffffffffu);
    set(0xf0, 0xfed1c001, 4);
    EXPECT_EQ(at(0x3140), 0x00003210u);
    EXPECT_EQ(at(0x3144), 0x32103210u);
    EXPECT_EQ(at(0x3148), 0x00003210u);
    EXPECT_EQ(at(0x0000), 0u);
    EXPECT_EQ(at(0x3ffc), 0u);
    w.memory.store(Gpa(0xfed1c000 + 0x31ff), 0xff, 1);
    EXPECT_EQ(w.memory.load(Gpa(0xfed1c000 + 0x31ff), 1), 3u);
    w.memory.store(Gpa(0xfed1c000 + 0x3400), 0xffffffff, 4);
    EXPECT_EQ(at(0x3400), 0x1cu);
    w.memory.store(Gpa(0xfed1c000 + 0x3140), 0xffffffff, 4);
    EXPECT_EQ(at(0x3140), 0x00007777u);  // D30IR is fixed
    set(0xf0, 0xfed1c000, 4);
    EXPECT_EQ(at(0x3140), 0xffffffffu);
    w.reset();
    set(0xf0, 0xfed1c001, 4);
    EXPECT_EQ(at(0x3140), 0x00003210u);
}

TEST_F(LpcTest, RoutesReachTheRouter) {
    w.router.set_intx({0x1f, 2}, 0, true);
    EXPECT_TRUE(w.pins.level(16));
    set(0x60, 0x0b);
    EXPECT_TRUE(w.pins.level(11));
    set(0xf0, 0xfed1c001, 4);
    w.memory.store(Gpa(0xfed1c000 + 0x3140), 0x3216, 2);  // pin A of slot 31 to PIRQ G
    EXPECT_FALSE(w.pins.level(16));
    EXPECT_FALSE(w.pins.level(11));
    EXPECT_TRUE(w.pins.level(22));
    set(0x68, 0x80058080, 4);
    EXPECT_TRUE(w.pins.level(5));
    w.reset();
    EXPECT_FALSE(w.pins.level(5));
    EXPECT_TRUE(w.pins.level(16));
}

TEST_F(LpcTest, ApmPortsKeepTheirBytes) {
    out(0xb2, 0x3412, 2);
    EXPECT_EQ(in(0xb2, 2), 0x3412u);
    w.reset();
    EXPECT_EQ(in(0xb2, 2), 0u);
}

TEST(LpcSwitchedMode, ApmCommandsSwitchAcpiOnAndOff) {
    ChipsetWorld w(true, acpi::AcpiMode::Switched);
    w.lpc.config_write(0x40, kPm, 4);
    w.lpc.config_write(0x44, 0x80, 1);
    const auto control = [&] { return w.ports.load(Gpa(kPm + 4), 2); };
    EXPECT_EQ(w.ports.load(Gpa(kPm + 0x30), 4), 2u);
    EXPECT_EQ(control(), 0u);
    w.ports.store(Gpa(kPm + 2), 0x100, 2);
    w.lpc.pm().press_power_button();
    EXPECT_FALSE(w.pins.level(9));  // legacy mode: no SCI
    w.ports.store(Gpa(0xb2), 2, 1);
    EXPECT_EQ(control(), 1u);
    EXPECT_TRUE(w.pins.level(9));
    w.ports.store(Gpa(0xb2), 7, 1);  // not a command
    w.ports.store(Gpa(0xb3), 3, 1);  // not the command port
    EXPECT_EQ(control(), 1u);
    w.ports.store(Gpa(0xb2), 3, 1);
    EXPECT_EQ(control(), 0u);
    EXPECT_FALSE(w.pins.level(9));
}

TEST_F(LpcTest, ResetControlResetsOnItsBit) {
    IoOps& port = w.lpc.reset_control();
    port.write(1, 0x02, 1);
    EXPECT_TRUE(w.requests.resets.empty());
    EXPECT_EQ(port.read(1, 1), 2u);
    for (unsigned value : {0x04, 0x06, 0x0e, 0x0f})
        port.write(1, value, 1);
    EXPECT_EQ(w.requests.resets, std::vector<ShutdownCause>(4, ShutdownCause::GuestReset));
    EXPECT_EQ(port.read(1, 1), 0x0au);
    port.write(0, 0x06, 1);
    port.write(2, 0x06, 1);
    EXPECT_EQ(w.requests.resets.size(), 4u);
    EXPECT_EQ(port.read(0, 1), 0xffu);
    w.reset();
    EXPECT_EQ(port.read(1, 1), 0u);
}

}  // namespace
}  // namespace vmm
