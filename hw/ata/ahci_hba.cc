// Generic host registers; see ahci_hba.h.
#include "hw/ata/ahci_hba.h"

#include "util/log.h"

namespace vmm::ata {

namespace {

constexpr uint32_t kVersion = 0x00010000;
// 64-bit addresses, command queueing, 32 slots, generation 1 links, AHCI only.
constexpr uint32_t kCapabilities = 1u << 31 | 1u << 30 | 1u << 20 | 1u << 18 | (kSlots - 1) << 8;

}  // namespace

AhciHba::AhciHba(const Parts& parts, unsigned ports) : mutex_(parts.mutex), interrupt_(parts.interrupt) {
    for (unsigned i = 0; i < ports; ++i)
        ports_.push_back(std::make_unique<AhciPort>(
            AhciPort::Parts{parts.mutex, static_cast<PortOwner&>(*this), parts.dma, parts.loop, i}));
}

uint64_t AhciHba::read(uint64_t offset, unsigned) {
    Locked lock(mutex_);
    const auto at = static_cast<unsigned>(offset);
    if (at < kFirstPort) return read_global(at);
    const unsigned port = (at - kFirstPort) / kPortSize;
    return port < ports_.size() ? ports_[port]->read((at - kFirstPort) % kPortSize) : 0;
}

void AhciHba::write(uint64_t offset, uint64_t value, unsigned) {
    Locked lock(mutex_);
    const auto at = static_cast<unsigned>(offset);
    const auto word = static_cast<uint32_t>(value);
    if (at < kFirstPort) return write_global(at, word);
    const unsigned port = (at - kFirstPort) / kPortSize;
    if (port < ports_.size()) ports_[port]->write((at - kFirstPort) % kPortSize, word);
}

uint32_t AhciHba::read_global(unsigned offset) {
    switch (offset) {
        case kCap:
            return kCapabilities | (port_count() - 1);
        case kGhc:
            return ghc_;
        case kIs:
            return is_;
        case kPi:
            return (1u << port_count()) - 1;
        case kVs:
            return kVersion;
        default:
            return 0;
    }
}

void AhciHba::write_global(unsigned offset, uint32_t value) {
    switch (offset) {
        case kGhc:
            if ((value & kGhcReset) != 0) return reset();
            ghc_ = kGhcAhci | (value & kGhcInterrupts);
            port_changed(true);
            break;
        case kIs:
            is_ &= ~value;
            port_changed(true);
            break;
        default:
            log_guest_error("AHCI: write of 0x%x to register 0x%x", value, offset);
            break;
    }
}

// A port's bit stays until it is cleared, and comes back while the port interrupts.
void AhciHba::port_changed(bool news) {
    for (unsigned i = 0; i < ports_.size(); ++i) {
        if (ports_[i]->interrupting()) is_ |= 1u << i;
    }
    interrupt_.set_interrupt((ghc_ & kGhcInterrupts) != 0 && is_ != 0, news);
}

void AhciHba::reset() {
    ghc_ = kGhcAhci;
    for (const std::unique_ptr<AhciPort>& port : ports_)
        port->reset();
    is_ = 0;
    interrupt_.set_interrupt(false, false);
}

void AhciHba::power_on_reset() {
    Locked lock(mutex_);
    ghc_ = kGhcAhci;
    for (const std::unique_ptr<AhciPort>& port : ports_)
        port->power_on_reset();
    is_ = 0;
    interrupt_.set_interrupt(false, false);
}

}  // namespace vmm::ata
