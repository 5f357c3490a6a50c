// The pair of 8259 interrupt controllers; see i8259.h.
#include "hw/intc/i8259.h"

namespace vmm {

namespace {
constexpr unsigned kCascade = 2;
constexpr unsigned kSpurious = 7;
}  // namespace

void I8259Chip::reset() {
    uint8_t lines = lines_;
    *this = I8259Chip(master_);
    lines_ = lines;
}

PicState I8259Chip::state() const {
    return {.requests = requests_,
            .mask = mask_,
            .in_service = in_service_,
            .first = first_,
            .base = base_,
            .elcr = elcr_,
            .read_isr = read_isr_,
            .special_mask = special_mask_,
            .auto_eoi = auto_eoi_,
            .fully_nested = fully_nested_};
}

PicState I8259Pair::state(unsigned chip) {
    Locked lock(mutex_);
    return chips_[chip].state();
}

void I8259Chip::set_pin(unsigned pin, bool level) {
    auto mask = static_cast<uint8_t>(1u << pin);
    bool rise = level && (lines_ & mask) == 0;
    if (level) {
        lines_ |= mask;
        if (rise || (elcr_ & mask) != 0) requests_ |= mask;
    } else {
        lines_ &= static_cast<uint8_t>(~mask);
        // A latched edge stays until it is acknowledged; a level is a request only as long as it lasts.
        if ((elcr_ & mask) != 0) requests_ &= static_cast<uint8_t>(~mask);
    }
}

int I8259Chip::highest(uint8_t pins) const {
    for (int distance = 0; distance < 8; ++distance) {
        if ((pins & (1u << ((first_ + distance) & 7))) != 0) return distance;
    }
    return 8;
}

int I8259Chip::pending() const {
    if (init_step_ != 0) return -1;
    int wanted = highest(requests_ & static_cast<uint8_t>(~mask_));
    if (wanted == 8) return -1;
    uint8_t blocking = in_service_;
    if (special_mask_) blocking &= static_cast<uint8_t>(~mask_);
    // In special fully nested mode the slave may interrupt again while one of its own is in service.
    if (fully_nested_ && master_) blocking &= static_cast<uint8_t>(~(1u << kCascade));
    return wanted < highest(blocking) ? (first_ + wanted) & 7 : -1;
}

void I8259Chip::acknowledge(unsigned pin) {
    auto mask = static_cast<uint8_t>(1u << pin);
    if ((elcr_ & mask) == 0) requests_ &= static_cast<uint8_t>(~mask);
    if (!auto_eoi_) {
        in_service_ |= mask;
    } else if (rotate_auto_eoi_) {
        first_ = static_cast<uint8_t>((pin + 1) & 7);
    }
}

uint8_t I8259Chip::read(unsigned offset) {
    if (poll_) {
        poll_ = false;
        int pin = pending();
        if (pin < 0) return 0;
        acknowledge(static_cast<unsigned>(pin));
        return static_cast<uint8_t>(0x80 | pin);
    }
    if (offset != 0) return mask_;
    return read_isr_ ? in_service_ : requests_;
}

void I8259Chip::write(unsigned offset, uint8_t value) {
    if (offset == 0) return write_command(value);
    switch (init_step_) {
        case 2:
            base_ = value & 0xf8;
            init_step_ = single_ ? (need_icw4_ ? 4 : 0) : 3;
            break;
        case 3:  // the wiring of the cascade is fixed
            init_step_ = need_icw4_ ? 4 : 0;
            break;
        case 4:
            fully_nested_ = (value & 0x10) != 0;
            auto_eoi_ = (value & 0x02) != 0;
            init_step_ = 0;
            break;
        default:
            mask_ = value;
            break;
    }
}

void I8259Chip::write_command(uint8_t value) {
    if ((value & 0x10) != 0) {  // ICW1
        uint8_t lines = lines_, elcr = elcr_;
        *this = I8259Chip(master_);
        lines_ = lines;
        elcr_ = elcr;
        requests_ = lines_ & elcr_;  // edges before this are forgotten
        init_step_ = 2;
        need_icw4_ = (value & 0x01) != 0;
        single_ = (value & 0x02) != 0;
        return;
    }
    if ((value & 0x08) == 0) return write_mode(value);
    // OCW3
    if ((value & 0x04) != 0) poll_ = true;
    if ((value & 0x02) != 0) read_isr_ = (value & 0x01) != 0;
    if ((value & 0x40) != 0) special_mask_ = (value & 0x20) != 0;
}

// OCW2: ends of interrupt and rotation.
void I8259Chip::write_mode(uint8_t value) {
    unsigned pin = value & 7;
    int served = highest(in_service_);
    unsigned top = static_cast<unsigned>(first_ + served) & 7;
    switch (value >> 5) {
        case 0:
            rotate_auto_eoi_ = false;
            break;
        case 4:
            rotate_auto_eoi_ = true;
            break;
        case 1:
        case 5:  // of the highest in service; 5 rotates
            if (served == 8) break;
            in_service_ &= static_cast<uint8_t>(~(1u << top));
            if ((value >> 5) == 5) first_ = static_cast<uint8_t>((top + 1) & 7);
            break;
        case 3:
        case 7:  // of the one named; 7 rotates
            in_service_ &= static_cast<uint8_t>(~(1u << pin));
            if ((value >> 5) == 7) first_ = static_cast<uint8_t>((pin + 1) & 7);
            break;
        case 6:
            first_ = static_cast<uint8_t>((pin + 1) & 7);
            break;
        default:
            break;
    }
}

void I8259Pair::update() {
    chips_[0].set_pin(kCascade, chips_[1].interrupting());
    intr_.set(chips_[0].interrupting());
}

void I8259Pair::reset_hold() {
    Locked l(mutex_);
    chips_[0].reset();
    chips_[1].reset();
    update();
}

void I8259Pair::set_pin(unsigned pin, bool level) {
    if (pin >= 16 || pin == kCascade) return;
    Locked l(mutex_);
    chips_[pin / 8].set_pin(pin % 8, level);
    update();
}

bool I8259Pair::pending() {
    Locked l(mutex_);
    return chips_[0].interrupting();
}

uint8_t I8259Pair::acknowledge() {
    Locked l(mutex_);
    I8259Chip &master = chips_[0], &slave = chips_[1];
    int pin = master.pending();
    // Gone before the CPU asked: the chip answers with its lowest pin and notes nothing.
    if (pin < 0) return master.vector(kSpurious);
    master.acknowledge(static_cast<unsigned>(pin));
    uint8_t vector = master.vector(static_cast<unsigned>(pin));
    if (pin == kCascade) {
        int behind = slave.pending();
        if (behind >= 0) slave.acknowledge(static_cast<unsigned>(behind));
        vector = slave.vector(behind < 0 ? kSpurious : static_cast<unsigned>(behind));
        // The slave's output falls with the acknowledge, so that what waits behind makes a new edge.
        master.set_pin(kCascade, false);
    }
    update();
    return vector;
}

uint64_t I8259Pair::read_master(uint64_t offset, unsigned) {
    Locked l(mutex_);
    uint8_t value = chips_[0].read(offset & 1);
    update();
    return value;
}
void I8259Pair::write_master(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    chips_[0].write(offset & 1, static_cast<uint8_t>(value));
    update();
}
uint64_t I8259Pair::read_slave(uint64_t offset, unsigned) {
    Locked l(mutex_);
    uint8_t value = chips_[1].read(offset & 1);
    update();
    return value;
}
void I8259Pair::write_slave(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    chips_[1].write(offset & 1, static_cast<uint8_t>(value));
    update();
}
uint64_t I8259Pair::read_elcr(uint64_t offset, unsigned) {
    Locked l(mutex_);
    return chips_[offset & 1].elcr();
}
void I8259Pair::write_elcr(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    chips_[offset & 1].set_elcr(static_cast<uint8_t>(value));
    update();
}

}  // namespace vmm
