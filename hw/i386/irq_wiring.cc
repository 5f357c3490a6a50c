// ORing shared lines and carrying them to the controllers.
#include "hw/i386/irq_wiring.h"

#include "util/check.h"

namespace vmm {

IrqLine GsiBank::connect(unsigned gsi) {
    CHECK(gsi < kIoApicPins, "GSI %u", gsi);
    Locked lock(mutex_);
    wires_.push_back({gsi, false});
    return IrqLine(*this, static_cast<unsigned>(wires_.size() - 1));
}

void GsiBank::set_pin(unsigned number, bool level) {
    Locked lock(mutex_);
    Wire& wire = wires_.at(number);
    if (wire.level == level) return;
    wire.level = level;
    unsigned& asserted = asserted_[wire.gsi];
    const bool before = asserted != 0;
    if (level && !before) ++rises_[wire.gsi];
    asserted += level ? 1u : -1u;
    // Inside the lock, so that two devices on one line cannot swap a rise and a fall.
    if (before != (asserted != 0)) controllers_.set_pin(wire.gsi, level);
}

std::array<uint64_t, kIoApicPins> GsiBank::rises() {
    Locked lock(mutex_);
    return rises_;
}

void IsaFanOut::set_pin(unsigned gsi, bool level) {
    if (pic_ != nullptr && gsi < kIsaIrqs) pic_->set_pin(gsi, level);
    ioapic_.set_pin(gsi == 0 ? 2 : gsi, level);
}

}  // namespace vmm
