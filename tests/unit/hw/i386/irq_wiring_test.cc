// Shared lines are ORed; ISA lines reach both controllers.
#include "hw/i386/irq_wiring.h"

#include <gtest/gtest.h>

#include <string>

#include "util/text.h"

namespace vmm {
namespace {

class Pins final : public IrqInput {
  public:
    void set_pin(unsigned pin, bool level) override { log += strf("%u%c ", pin, level ? '+' : '-'); }
    std::string log;
};

TEST(GsiBank, aSharedLineFallsWhenTheLastDeviceLetsGo) {
    Pins pins;
    GsiBank bank(pins);
    IrqLine first = bank.connect(4), second = bank.connect(4);
    first.set(true);
    second.set(true);
    first.set(false);
    EXPECT_EQ(pins.log, "4+ ");
    second.set(false);
    EXPECT_EQ(pins.log, "4+ 4- ");
}

TEST(GsiBank, aLevelSetTwiceCountsOnce) {
    Pins pins;
    GsiBank bank(pins);
    IrqLine line = bank.connect(16);
    line.set(false);
    line.set(true);
    line.set(true);
    line.set(false);
    EXPECT_EQ(pins.log, "16+ 16- ");
}

TEST(GsiBank, linesOfDifferentNumbersDoNotMeet) {
    Pins pins;
    GsiBank bank(pins);
    IrqLine timer = bank.connect(0), serial = bank.connect(4);
    timer.set(true);
    serial.set(true);
    timer.set(false);
    EXPECT_EQ(pins.log, "0+ 4+ 0- ");
}

TEST(IsaFanOut, isaLinesReachBothAndTheTimerArrivesAtPinTwo) {
    Pins pic, ioapic;
    IsaFanOut fan(&pic, ioapic);
    for (unsigned gsi : {0u, 1u, 15u, 16u, 23u})
        fan.set_pin(gsi, true);
    EXPECT_EQ(pic.log, "0+ 1+ 15+ ");
    EXPECT_EQ(ioapic.log, "2+ 1+ 15+ 16+ 23+ ");
}

TEST(IsaFanOut, withoutAPicLinesReachTheIoapicAlone) {
    Pins ioapic;
    IsaFanOut fan(nullptr, ioapic);
    for (unsigned gsi : {0u, 4u, 20u})
        fan.set_pin(gsi, true);
    EXPECT_EQ(ioapic.log, "2+ 4+ 20+ ");
}

}  // namespace
}  // namespace vmm
