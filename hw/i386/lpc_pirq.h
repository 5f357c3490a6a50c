// Where the interrupt pins of PCI functions and the SCI end: pins -> PIRQ A-H by slot, PIRQs -> GSIs. Each
// PIRQ always drives its own pin of the I/O APIC (16-23), and one of the ISA lines when its route register
// says so. Lines that share a GSI are ORed. The board makes the router first; the LPC bridge (lpc.h) tells it
// what the guest programmed. ICH9 datasheet, 13.1.13/16 (PIRQ routes), 10.1.40-46 (DxxIR).
//
// Thread-safe: one mutex of rank IrqRouter, under which the GSIs are driven.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "hw/pci/bus.h"
#include "system/irq/line.h"
#include "system/irq/routes.h"
#include "util/mutex.h"

namespace vmm {

inline constexpr unsigned kPirqs = 8;
inline constexpr unsigned kFirstPirqGsi = 16;
inline constexpr uint8_t kPirqRouteOff = 0x80;  // route register: not on an ISA line
inline constexpr uint16_t kSlotRouteDefault = 0x3210;

// One value per PIRQ: bit 7 off, bits 3-0 the ISA line.
using PirqRoutes = std::array<uint8_t, kPirqs>;
// One value per slot 25..31 (DxxIR): four fields of three bits, INTA lowest.
using SlotRoutes = std::array<uint16_t, 7>;
inline constexpr unsigned kFirstRoutedSlot = 25;

// The PIRQ (0..7) of a pin (0..3) of a slot on the root bus. Slots below 25, which the chip does not have,
// share E-H; so does slot 30, whose register is not programmable. The ACPI tables say the same.
unsigned pirq_of(const SlotRoutes& slots, unsigned slot, unsigned pin);
// The ISA line a route register selects; empty when off or not one the 8259s take.
std::optional<unsigned> isa_line_of(uint8_t route);
// The GSIs that are high, a bit each.
uint32_t gsi_levels(const PirqRoutes& routes, uint8_t pirqs);

class PirqRouter final : public pci::IntxSink, public IrqInput {
  public:
    using Gsis = std::array<IrqLine, kIoApicPins>;
    explicit PirqRouter(const Gsis& gsis) : gsis_(gsis) {}

    void set_intx(pci::DevFn source, unsigned pin, bool level) override;
    // As an IrqInput it has one pin: the SCI.
    void set_pin(unsigned pin, bool level) override;

    // What the guest programmed; lines move at once.
    void set_routes(const PirqRoutes& routes);
    void set_slots(const SlotRoutes& slots);
    void set_sci_gsi(std::optional<unsigned> gsi);

  private:
    void count_pirqs() REQUIRES(mutex_);
    void drive() REQUIRES(mutex_);

    Mutex mutex_{LockRank::IrqRouter, "PIRQ router"};
    const Gsis gsis_;
    PirqRoutes routes_ GUARDED_BY(mutex_) = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    SlotRoutes slots_ GUARDED_BY(mutex_) = {0x3210, 0x3210, 0x3210, 0x3210, 0x3210, 0, 0x3210};
    std::bitset<256 * 4> pins_ GUARDED_BY(mutex_);               // by function and pin
    std::array<unsigned, kPirqs> high_ GUARDED_BY(mutex_) = {};  // pins that hold each PIRQ up
    bool sci_ GUARDED_BY(mutex_) = false;
    std::optional<unsigned> sci_gsi_ GUARDED_BY(mutex_) = 9;
    uint32_t driven_ GUARDED_BY(mutex_) = 0;  // what the GSIs were last told
};

}  // namespace vmm
