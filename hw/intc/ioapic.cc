// The I/O APIC; see ioapic.h.
#include "hw/intc/ioapic.h"

#include "util/bits.h"
#include "util/log.h"

namespace vmm {

namespace {

enum Window { kSelect = 0x00, kData = 0x10, kEoi = 0x40 };
enum Index { kId = 0x00, kVersion = 0x01, kArbitration = 0x02, kTable = 0x10 };
constexpr uint32_t kVersionValue = 0x20 | ((IoApic::kPins - 1) << 16);

using Vector = Bits<7, 0>;
using DeliveryMode = Bits<10, 8>;
using LogicalDestination = Bits<11>;
using RemoteIrr = Bits<14>;
using LevelTriggered = Bits<15>;
using Masked = Bits<16>;
using Destination = Bits<63, 56>;
// The destination, or an index and the bit that says so (VT-d, 5.1.2.1).
using Target = Bits<63, 48>;
// Delivery status and remote IRR cannot be written.
constexpr uint64_t kReadOnly = bit(12) | bit(14);
constexpr uint64_t kWritable = (0x1afffull | Destination::kMask) & ~kReadOnly;
constexpr unsigned kExtInt = 7;

// What a delivered entry looks like on the bus (Intel SDM 3, message address and data formats).
MsiMessage message_of(uint64_t entry) {
    MsiMessage message;
    message.address = 0xfee00000u | (Target::get(entry) << 4) | (LogicalDestination::get(entry) << 2);
    message.data = static_cast<uint32_t>(Vector::get(entry) | (DeliveryMode::get(entry) << 8) |
                                         (LevelTriggered::test(entry) ? (1u << 15) | (1u << 14) : 0u));
    return message;
}

}  // namespace

std::array<uint64_t, IoApic::kPins> IoApic::all_masked() {
    std::array<uint64_t, kPins> entries;
    entries.fill(Masked::of(1));
    return entries;
}

void IoApic::reset_hold() {
    Locked l(mutex_);
    entries_ = all_masked();
    pending_ = 0;  // levels are the devices' own
    id_ = select_ = 0;
    for (unsigned pin = 0; pin < kPins; ++pin)
        publish(pin);
}

uint64_t IoApic::read(uint64_t offset, unsigned) {
    Locked l(mutex_);
    switch (offset) {
        case kSelect:
            return select_;
        case kData:
            return load(select_);
        default:
            return 0;
    }
}

void IoApic::write(uint64_t offset, uint64_t value, unsigned) {
    Messages out;
    {
        Locked l(mutex_);
        switch (offset) {
            case kSelect:
                select_ = static_cast<uint8_t>(value);
                break;
            case kData:
                store(select_, static_cast<uint32_t>(value), out);
                break;
            case kEoi:
                end(static_cast<uint8_t>(value), out);
                break;
            default:
                log_guest_error("ioapic: write to offset 0x%llx", static_cast<unsigned long long>(offset));
                break;
        }
    }
    send(out);
}

uint32_t IoApic::load(unsigned index) const {
    switch (index) {
        case kId:
        case kArbitration:
            return static_cast<uint32_t>(id_) << 24;
        case kVersion:
            return kVersionValue;
        default:
            break;
    }
    unsigned pin = (index - kTable) / 2;
    if (index < kTable || pin >= kPins) return 0;
    return static_cast<uint32_t>((index & 1) != 0 ? entries_[pin] >> 32 : entries_[pin]);
}

void IoApic::store(unsigned index, uint32_t value, Messages& out) {
    if (index == kId) {
        id_ = (value >> 24) & 0xf;
        return;
    }
    unsigned pin = (index - kTable) / 2;
    if (index < kTable || pin >= kPins) return;
    uint64_t old = entries_[pin], entry = old;
    if ((index & 1) != 0) {
        Bits<63, 32>::set(entry, value);
    } else {
        Bits<31, 0>::set(entry, value);
    }
    const uint64_t writable = remap_ ? kWritable | Target::kMask : kWritable;
    entry = (entry & writable) | (old & kReadOnly);
    // An edge-triggered entry has no remote IRR: turning it to edge and back is how drivers of old chips,
    // which lack the EOI register, end an interrupt.
    if (!LevelTriggered::test(entry)) RemoteIrr::set(entry, 0);
    // An edge that came while the entry was level-triggered, or the reverse, is nothing.
    if (LevelTriggered::test(entry)) pending_ &= ~(1u << pin);
    entries_[pin] = entry;
    if (((old ^ entry) & ~RemoteIrr::kMask) != 0) publish(pin);
    service(pin, out);
}

void IoApic::set_pin(unsigned pin, bool level) {
    if (pin >= kPins) return;
    Messages out;
    {
        Locked l(mutex_);
        uint32_t mask = 1u << pin;
        bool rise = level && (levels_ & mask) == 0;
        levels_ = level ? levels_ | mask : levels_ & ~mask;
        if (rise && !LevelTriggered::test(entries_[pin])) pending_ |= mask;
        if (level) service(pin, out);
    }
    send(out);
}

// Delivers the pin if its entry lets it. An edge at a masked entry waits until it is unmasked.
void IoApic::service(unsigned pin, Messages& out) {
    uint64_t& entry = entries_[pin];
    uint32_t mask = 1u << pin;
    bool level = LevelTriggered::test(entry);
    if (((level ? levels_ : pending_) & mask) == 0 || Masked::test(entry)) return;
    if (level && RemoteIrr::test(entry)) return;
    pending_ &= ~mask;
    if (DeliveryMode::get(entry) == kExtInt) {
        log_unimplemented("ioapic: pin %u delivers ExtINT", pin);
        return;
    }
    if (level) RemoteIrr::set(entry, 1);
    out.push_back(message_of(entry));
}

void IoApic::end_of_interrupt(uint8_t vector) {
    Messages out;
    {
        Locked l(mutex_);
        end(vector, out);
    }
    send(out);
}

void IoApic::end(uint8_t vector, Messages& out) {
    for (unsigned pin = 0; pin < kPins; ++pin) {
        uint64_t& entry = entries_[pin];
        if (!RemoteIrr::test(entry) || Vector::get(entry) != vector) continue;
        RemoteIrr::set(entry, 0);
        service(pin, out);
    }
}

void IoApic::publish(unsigned pin) {
    if (routes_ == nullptr) return;
    uint64_t entry = entries_[pin];
    uint32_t mask = 1u << pin;
    // A level-triggered entry keeps its route while it is masked: a driver that masks the interrupt it serves
    // (Linux that of ACPI, whose handler is a thread) ends it thereafter, and the kernel tells only of the
    // ends of vectors that have a route.
    const bool live = !Masked::test(entry) || (LevelTriggered::test(entry) && (routed_ & mask) != 0);
    std::optional<MsiMessage> routed;
    if (live && DeliveryMode::get(entry) != kExtInt) routed = remapped(message_of(entry), true);
    if (routed) {
        routes_->set_msi(pin, *routed);
        routed_ |= mask;
    } else if ((routed_ & mask) != 0) {
        routes_->clear(pin);
        routed_ &= ~mask;
    } else {
        return;
    }
    routes_->commit();
}

void IoApic::send(const Messages& messages) {
    for (const MsiMessage& message : messages) {
        const std::optional<MsiMessage> there = remapped(message, false);
        if (there) msi_.send(*there);
    }
}

void IoApic::set_remap(Remap remap) {
    Locked lock(mutex_);
    remap_ = std::move(remap);
}

void IoApic::remapping_changed() {
    Locked lock(mutex_);
    for (unsigned pin = 0; pin < kPins; ++pin)
        publish(pin);
}

IoApicState IoApic::state() {
    Locked lock(mutex_);
    return {.id = id_, .select = select_, .requests = levels_ | pending_, .entries = entries_};
}

}  // namespace vmm
