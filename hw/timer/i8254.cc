// The interval timer; see i8254.h.
#include "hw/timer/i8254.h"

#include <algorithm>

namespace vmm {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
// The refresh request turns every 15.085 us on a PC.
constexpr int64_t kRefreshHalfPeriod = 15085;
constexpr int64_t kNever = INT64_MAX;

int64_t to_ticks(int64_t ns) {
    return static_cast<int64_t>(static_cast<__int128>(ns) * I8254::kHz / kSecond);
}
// The first nanosecond that shows this tick.
int64_t to_ns(int64_t tick) {
    return static_cast<int64_t>((static_cast<__int128>(tick) * kSecond + I8254::kHz - 1) / I8254::kHz);
}

uint32_t from_bcd(uint32_t value) {
    uint32_t out = 0;
    for (unsigned shift = 16; shift > 0; shift -= 4)
        out = out * 10 + ((value >> (shift - 4)) & 0xf);
    return out;
}
uint16_t to_bcd(uint32_t value) {
    uint32_t out = 0;
    for (unsigned shift = 0; shift < 16; shift += 4, value /= 10)
        out |= (value % 10) << shift;
    return static_cast<uint16_t>(out);
}

}  // namespace

uint32_t I8254Channel::modulus() const {
    return bcd_ ? 10000 : 0x10000;
}

void I8254Channel::set_control(uint8_t control, int64_t now) {
    access_ = static_cast<Access>((control >> 4) & 3);
    unsigned mode = (control >> 1) & 7;
    mode_ = static_cast<uint8_t>(mode > 5 ? mode - 4 : mode);
    bcd_ = (control & 1) != 0;
    loaded_ = running_ = false;
    paused_ = false;
    start_ = now;
    write_high_next_ = read_high_next_ = false;
    latched_bytes_ = 0;
    status_latched_ = false;
}

void I8254Channel::write_count(uint8_t byte, int64_t now) {
    switch (access_) {
        case Access::Low:
            return load(byte, now);
        case Access::High:
            return load(static_cast<uint32_t>(byte) << 8, now);
        case Access::Both:
            break;
    }
    if (!write_high_next_) {
        write_low_ = byte;
        write_high_next_ = true;
        // In mode 0 the first of two bytes stops the count.
        if (mode_ == 0) loaded_ = false;
        return;
    }
    write_high_next_ = false;
    load(static_cast<uint32_t>(write_low_ | (byte << 8)), now);
}

void I8254Channel::load(uint32_t count, int64_t now) {
    count = bcd_ ? from_bcd(count) : count;
    if (count == 0) count = modulus();
    bool first = !loaded_;
    loaded_ = true;
    // Modes 2 and 3 take a new count up at the end of the period; what a driver can see of that is the phase,
    // and starting afresh is what it expects after writing.
    count_ = count;
    if (mode_ == 1 || mode_ == 5) {
        if (first) running_ = false;
        return;
    }
    start_ = now;
    paused_ = !gate_;
    paused_at_ = now;
}

void I8254Channel::set_gate(bool level, int64_t now) {
    bool rise = level && !gate_, fall = !level && gate_;
    gate_ = level;
    if (!rise && !fall) return;
    switch (mode_) {
        case 0:
        case 4:
            if (fall && !paused_) {
                paused_ = true;
                paused_at_ = now;
            } else if (rise && paused_) {
                paused_ = false;
                start_ += now - paused_at_;
            }
            break;
        case 1:
        case 5:
            if (rise) {
                start_ = now;
                running_ = true;
            }
            break;
        default:  // a rise starts the period again
            paused_ = fall;
            start_ = now;
            paused_at_ = now;
            break;
    }
}

int64_t I8254Channel::elapsed(int64_t now) const {
    return std::max<int64_t>((paused_ ? paused_at_ : now) - start_, 0);
}

uint16_t I8254Channel::count_at(int64_t now) const {
    int64_t value = count_;
    if (loaded_ && (running_ || (mode_ != 1 && mode_ != 5))) {
        int64_t passed = elapsed(now), whole = count_;
        switch (mode_) {
            case 2:
                value = whole - passed % whole;
                break;
            case 3: {
                // Counts down by two, once for each half of the square wave.
                int64_t high = (whole + 1) / 2, in = passed % whole;
                value = in < high ? whole - 2 * in : whole - 2 * (in - high);
                value &= ~int64_t{1};
                break;
            }
            default:
                value = whole - passed;
                break;  // and goes on below zero
        }
    }
    int64_t all = modulus();
    auto wrapped = static_cast<uint32_t>((value % all + all) % all);
    return bcd_ ? to_bcd(wrapped) : static_cast<uint16_t>(wrapped);
}

bool I8254Channel::output(int64_t now) const {
    if (!loaded_) return mode_ != 0;
    int64_t passed = elapsed(now), whole = count_;
    switch (mode_) {
        case 0:
            return passed >= whole;
        case 1:
            return !running_ || passed >= whole;
        case 2:
            return paused_ || passed % whole != whole - 1;
        case 3:
            return paused_ || passed % whole < (whole + 1) / 2;
        case 4:
            return passed != whole;
        default:
            return !running_ || passed != whole;
    }
}

int64_t I8254Channel::next_change(int64_t now) const {
    if (!loaded_ || paused_) return kNever;
    int64_t passed = elapsed(now), whole = count_;
    switch (mode_) {
        case 1:
            if (!running_) return kNever;
            [[fallthrough]];
        case 0:
            return passed < whole ? start_ + whole : kNever;
        case 2: {
            if (whole == 1) return kNever;
            int64_t in = passed % whole;
            return now + (in < whole - 1 ? whole - 1 - in : 1);
        }
        case 3: {
            if (whole == 1) return kNever;
            int64_t in = passed % whole, high = (whole + 1) / 2;
            return now + (in < high ? high - in : whole - in);
        }
        case 5:
            if (!running_) return kNever;
            [[fallthrough]];
        default:
            if (passed < whole) return start_ + whole;
            return passed == whole ? now + 1 : kNever;
    }
}

uint8_t I8254Channel::read_count(int64_t now) {
    if (status_latched_) {
        status_latched_ = false;
        return latched_status_;
    }
    if (latched_bytes_ == 0) {
        uint16_t value = count_at(now);
        switch (access_) {
            case Access::Low:
                return static_cast<uint8_t>(value);
            case Access::High:
                return static_cast<uint8_t>(value >> 8);
            case Access::Both:
                break;
        }
        read_high_next_ = !read_high_next_;
        return static_cast<uint8_t>(read_high_next_ ? value : value >> 8);
    }
    bool high = access_ == Access::High || latched_bytes_ == 1;
    if (access_ == Access::Low) high = false;
    --latched_bytes_;
    return static_cast<uint8_t>(high ? latched_count_ >> 8 : latched_count_);
}

void I8254Channel::latch_count(int64_t now) {
    if (latched_bytes_ != 0) return;  // the first latch holds until read
    latched_count_ = count_at(now);
    latched_bytes_ = access_ == Access::Both ? 2 : 1;
}

void I8254Channel::latch_status(int64_t now) {
    if (status_latched_) return;
    latched_status_ =
        static_cast<uint8_t>((output(now) ? 0x80 : 0) | (loaded_ ? 0 : 0x40) |
                             (static_cast<unsigned>(access_) << 4) | (mode_ << 1) | (bcd_ ? 1 : 0));
    status_latched_ = true;
}

I8254::I8254(Clock& clock, IrqLine irq)
    : clock_(clock), irq_(irq), timer_(clock.make_timer([this] { fired(); })) {
    channels_[2].set_gate(false, ticks());
}

void I8254::reset_hold() {
    Locked l(mutex_);
    channels_ = {};
    channels_[2].set_gate(false, ticks());
    speaker_ = false;
    irq_enabled_ = true;
    timer_->disarm();
    next_edge_ = kNever;
    irq_.set(false);
}

int64_t I8254::ticks() const {
    return to_ticks(clock_.now_ns());
}

uint64_t I8254::read(uint64_t offset, unsigned) {
    Locked l(mutex_);
    if (offset >= 3) return 0xff;  // the control word cannot be read
    return channels_[offset].read_count(ticks());
}

void I8254::write(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    int64_t now = ticks();
    auto byte = static_cast<uint8_t>(value);
    if (offset >= 3) {
        write_control(byte, now);
    } else {
        channels_[offset].write_count(byte, now);
    }
    update_irq(now);
}

void I8254::write_control(uint8_t value, int64_t now) {
    unsigned which = value >> 6;
    if (which < 3) {
        if ((value & 0x30) == 0) {
            channels_[which].latch_count(now);
        } else {
            channels_[which].set_control(value, now);
        }
        return;
    }
    // Read-back: several channels at once, count and status.
    for (unsigned i = 0; i < 3; ++i) {
        if ((value & (2u << i)) == 0) continue;
        if ((value & 0x20) == 0) channels_[i].latch_count(now);
        if ((value & 0x10) == 0) channels_[i].latch_status(now);
    }
}

// The pin follows channel 0's output; of the square and rate modes only the rises matter, for the pin is an
// edge input. However small a period the guest programs, the timer fires once each time the loop comes round.
void I8254::update_irq(int64_t now) {
    const I8254Channel& channel = channels_[0];
    irq_.set(irq_enabled_ && channel.output(now));
    int64_t next = channel.next_change(now);
    bool periodic = channel.mode() == 2 || channel.mode() == 3;
    if (periodic && next != kNever && channel.output(now)) next = channel.next_change(next);
    next_edge_ = irq_enabled_ ? next : kNever;
    if (next_edge_ == kNever) {
        timer_->disarm();
    } else {
        timer_->arm(to_ns(next_edge_));
    }
}

void I8254::set_irq_enabled(bool enabled) {
    Locked l(mutex_);
    irq_enabled_ = enabled;
    update_irq(ticks());
}

// Between two rises the output was low, whether anybody looked or not.
void I8254::fired() {
    Locked l(mutex_);
    int64_t now = ticks();
    if (now < next_edge_) return;
    irq_.set(false);
    update_irq(now);
}

uint64_t I8254::read_port61(uint64_t, unsigned) {
    Locked l(mutex_);
    bool refresh = (clock_.now_ns() / kRefreshHalfPeriod) % 2 != 0;
    const I8254Channel& tone = channels_[2];
    return (tone.gate() ? 1u : 0u) | (speaker_ ? 2u : 0u) | (refresh ? 0x10u : 0u) |
           (tone.output(ticks()) ? 0x20u : 0u);
}

void I8254::write_port61(uint64_t, uint64_t value, unsigned) {
    Locked l(mutex_);
    speaker_ = (value & 2) != 0;
    channels_[2].set_gate((value & 1) != 0, ticks());
}

}  // namespace vmm
