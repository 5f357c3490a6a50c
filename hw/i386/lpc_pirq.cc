// See lpc_pirq.h.
#include "hw/i386/lpc_pirq.h"

#include "util/bits.h"
#include "util/check.h"

namespace vmm {

namespace {

constexpr unsigned kPins = 4, kSlots = 32, kFixedSlot = 30;
// 0-2, 8 and 13 belong to the timer, keyboard, cascade, clock and coprocessor.
constexpr uint32_t kIsaLines = 0xdef8;

size_t pin_index(pci::DevFn source, unsigned pin) {
    return size_t{source.raw()} * kPins + pin;
}

}  // namespace

unsigned pirq_of(const SlotRoutes& slots, unsigned slot, unsigned pin) {
    CHECK(slot < kSlots && pin < kPins, "slot %u pin %u", slot, pin);
    if (slot == kFixedSlot) return kPirqs / 2 + pin;
    if (slot < kFirstRoutedSlot) return kPirqs / 2 + (slot + pin) % kPins;
    return slots[slot - kFirstRoutedSlot] >> (4 * pin) & (kPirqs - 1);
}

std::optional<unsigned> isa_line_of(uint8_t route) {
    const unsigned line = route & 0xf;
    if ((route & kPirqRouteOff) != 0 || (kIsaLines & bit(line)) == 0) return std::nullopt;
    return line;
}

uint32_t gsi_levels(const PirqRoutes& routes, uint8_t pirqs) {
    uint32_t high = uint32_t{pirqs} << kFirstPirqGsi;
    for (unsigned pirq = 0; pirq < kPirqs; ++pirq) {
        if ((pirqs & bit(pirq)) == 0) continue;
        if (auto line = isa_line_of(routes[pirq])) high |= static_cast<uint32_t>(bit(*line));
    }
    return high;
}

void PirqRouter::set_intx(pci::DevFn source, unsigned pin, bool level) {
    CHECK(pin < kPins, "INTx pin %u", pin);
    Locked lock(mutex_);
    auto now = pins_[pin_index(source, pin)];
    if (now == level) return;
    now = level;
    unsigned& high = high_[pirq_of(slots_, source.device, pin)];
    high = level ? high + 1 : high - 1;
    drive();
}

void PirqRouter::set_pin(unsigned pin, bool level) {
    CHECK(pin == 0, "PIRQ router pin %u", pin);
    Locked lock(mutex_);
    sci_ = level;
    drive();
}

void PirqRouter::set_routes(const PirqRoutes& routes) {
    Locked lock(mutex_);
    routes_ = routes;
    drive();
}

void PirqRouter::set_slots(const SlotRoutes& slots) {
    Locked lock(mutex_);
    slots_ = slots;
    count_pirqs();
    drive();
}

void PirqRouter::set_sci_gsi(std::optional<unsigned> gsi) {
    CHECK(!gsi || *gsi < kIoApicPins, "SCI on GSI %u", *gsi);
    Locked lock(mutex_);
    sci_gsi_ = gsi;
    drive();
}

void PirqRouter::count_pirqs() {
    high_ = {};
    for (unsigned source = 0; source < 256; ++source)
        for (unsigned pin = 0; pin < kPins; ++pin)
            if (pins_[source * kPins + pin]) ++high_[pirq_of(slots_, source / 8, pin)];
}

void PirqRouter::drive() {
    uint8_t pirqs = 0;
    for (unsigned pirq = 0; pirq < kPirqs; ++pirq)
        if (high_[pirq] != 0) pirqs |= static_cast<uint8_t>(bit(pirq));
    uint32_t high = gsi_levels(routes_, pirqs);
    if (sci_ && sci_gsi_) high |= static_cast<uint32_t>(bit(*sci_gsi_));
    const uint32_t changed = high ^ driven_;
    driven_ = high;
    for (unsigned gsi = 0; gsi < kIoApicPins; ++gsi)
        if ((changed & bit(gsi)) != 0) gsis_[gsi].set((high & bit(gsi)) != 0);
}

}  // namespace vmm
