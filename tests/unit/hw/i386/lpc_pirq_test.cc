// PIRQs: where pins go, and which GSIs are high.
#include "hw/i386/lpc_pirq.h"

#include <gtest/gtest.h>

#include "hw/i386/acpi_dsdt.h"
#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

constexpr SlotRoutes kDefaultSlots = {0x3210, 0x3210, 0x3210, 0x3210, 0x3210, 0, 0x3210};

TEST(Pirq, PinsGoWhereTheAcpiTablesSay) {
    for (unsigned slot = 0; slot < 32; ++slot)
        for (unsigned pin = 0; pin < 4; ++pin)
            EXPECT_EQ(pirq_of(kDefaultSlots, slot, pin), q35_pirq(slot, pin)) << slot << " " << pin;
}

TEST(Pirq, OnlyTheChipsOwnSlotsAreProgrammable) {
    const SlotRoutes slots = {0x0123, 0x7654, 0x7777, 0xffff, 0x3210, 0x7777, 0x4567};
    EXPECT_EQ(pirq_of(slots, 25, 0), 3u);
    EXPECT_EQ(pirq_of(slots, 25, 3), 0u);
    EXPECT_EQ(pirq_of(slots, 26, 0), 4u);
    EXPECT_EQ(pirq_of(slots, 27, 2), 7u);
    EXPECT_EQ(pirq_of(slots, 28, 1), 7u);  // bit 3 of a field does not exist
    EXPECT_EQ(pirq_of(slots, 30, 1), 5u);
    EXPECT_EQ(pirq_of(slots, 31, 0), 7u);
    EXPECT_EQ(pirq_of(slots, 3, 2), 5u);
}

TEST(Pirq, RoutesTakeOnlyLinesOfPciKind) {
    for (unsigned value = 0; value < 256; ++value) {
        const unsigned line = value & 15;
        const bool good =
            value < 0x80 && line >= 3 && line != 8 && line != 13;  // timer, keyboard, cascade, clock, FPU
        EXPECT_EQ(isa_line_of(static_cast<uint8_t>(value)), good ? std::optional(line) : std::nullopt);
    }
}

TEST(Pirq, GsisAreTheOrOfWhatIsRoutedThere) {
    const PirqRoutes off = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    for (unsigned pirqs = 0; pirqs < 256; ++pirqs)
        EXPECT_EQ(gsi_levels(off, static_cast<uint8_t>(pirqs)), pirqs << 16);
    const PirqRoutes shared = {10, 10, 11, 0x80, 5, 0x85, 0, 10};
    EXPECT_EQ(gsi_levels(shared, 0x01), 1u << 16 | 1u << 10);
    EXPECT_EQ(gsi_levels(shared, 0x83), 0x83u << 16 | 1u << 10);
    EXPECT_EQ(gsi_levels(shared, 0x34), 0x34u << 16 | 1u << 11 | 1u << 5);
    EXPECT_EQ(gsi_levels(shared, 0x48), 0x48u << 16);
}

class PirqRouterTest : public ::testing::Test {
  protected:
    static PirqRouter::Gsis lines(FakeIrqInput& pins) {
        PirqRouter::Gsis gsis;
        for (unsigned i = 0; i < gsis.size(); ++i)
            gsis[i] = pins.line(i);
        return gsis;
    }
    uint32_t high() const {
        uint32_t mask = 0;
        for (unsigned i = 0; i < kIoApicPins; ++i)
            mask |= pins.level(i) ? 1u << i : 0;
        return mask;
    }
    FakeIrqInput pins;
    PirqRouter router{lines(pins)};
};

TEST_F(PirqRouterTest, ALineFallsWithItsLastPin) {
    router.set_intx({2, 0}, 0, true);  // slot 2 pin A: PIRQ G
    router.set_intx({6, 1}, 0, true);  // slot 6 pin A: the same
    EXPECT_EQ(high(), 1u << 22);
    router.set_intx({2, 0}, 0, false);
    EXPECT_EQ(high(), 1u << 22);
    router.set_intx({6, 1}, 0, false);
    EXPECT_EQ(high(), 0u);
    EXPECT_EQ(pins.rises(22), 1u);
}

TEST_F(PirqRouterTest, TellingALevelTwiceCountsOnce) {
    router.set_intx({2, 0}, 0, true);
    router.set_intx({2, 0}, 0, true);
    router.set_intx({2, 0}, 0, false);
    EXPECT_EQ(high(), 0u);
    router.set_intx({2, 0}, 0, false);
    router.set_intx({2, 0}, 0, true);
    EXPECT_EQ(high(), 1u << 22);
}

TEST_F(PirqRouterTest, ARaisedPinMovesWithItsRoutes) {
    router.set_intx({0x1f, 2}, 1, true);  // PIRQ B
    EXPECT_EQ(high(), 1u << 17);
    router.set_routes({0x80, 11, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80});
    EXPECT_EQ(high(), 1u << 17 | 1u << 11);
    SlotRoutes slots = kDefaultSlots;
    slots[31 - kFirstRoutedSlot] = 0x3250;  // pin B to PIRQ F
    router.set_slots(slots);
    EXPECT_EQ(high(), 1u << 21);
    router.set_intx({0x1f, 2}, 1, false);
    EXPECT_EQ(high(), 0u);
}

TEST_F(PirqRouterTest, TheSciSharesItsGsiWithPci) {
    router.set_routes({0x80, 0x80, 0x80, 0x80, 9, 0x80, 0x80, 0x80});
    router.set_pin(0, true);
    EXPECT_EQ(high(), 1u << 9);
    router.set_intx({0, 0}, 0, true);  // PIRQ E
    router.set_pin(0, false);
    EXPECT_EQ(high(), 1u << 9 | 1u << 20);
    router.set_pin(0, true);
    router.set_sci_gsi(20);
    router.set_intx({0, 0}, 0, false);
    EXPECT_EQ(high(), 1u << 20);
    router.set_sci_gsi(std::nullopt);
    EXPECT_EQ(high(), 0u);
}

// The router agrees with the plain definition after any history.
TEST_F(PirqRouterTest, AgreesWithTheDefinition) {
    uint32_t random = 12345;
    auto next = [&](unsigned below) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % below;
    };
    PirqRoutes routes = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    SlotRoutes slots = kDefaultSlots;
    std::map<std::pair<unsigned, unsigned>, bool> levels;
    bool sci = false;
    unsigned sci_gsi = 9;
    for (unsigned step = 0; step < 20000; ++step) {
        switch (next(8)) {
            case 0:
                routes[next(8)] = static_cast<uint8_t>(next(256));
                router.set_routes(routes);
                break;
            case 1:
                slots[next(7)] = static_cast<uint16_t>(next(65536));
                router.set_slots(slots);
                break;
            case 2:
                sci_gsi = next(24);
                router.set_sci_gsi(sci_gsi);
                break;
            case 3:
                sci = next(2) != 0;
                router.set_pin(0, sci);
                break;
            default: {
                const unsigned source = next(256), pin = next(4);
                const bool level = next(2) != 0;
                levels[{source, pin}] = level;
                router.set_intx(pci::DevFn::from_raw(static_cast<uint8_t>(source)), pin, level);
            }
        }
        uint8_t pirqs = 0;
        for (const auto& [where, level] : levels)
            if (level) pirqs |= static_cast<uint8_t>(1u << pirq_of(slots, where.first / 8, where.second));
        ASSERT_EQ(high(), gsi_levels(routes, pirqs) | (sci ? 1u << sci_gsi : 0)) << step;
    }
}

}  // namespace
}  // namespace vmm
