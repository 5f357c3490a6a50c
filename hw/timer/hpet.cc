// The HPET; see hpet.h.
#include "hw/timer/hpet.h"

#include <algorithm>

#include "util/bits.h"
#include "util/log.h"

namespace vmm {

namespace {

enum General { kCapabilities = 0x000, kConfig = 0x010, kStatus = 0x020, kCounter = 0x0f0 };
enum PerTimer {
    kTimerBase = 0x100,
    kTimerStride = 0x20,
    kTimerConfig = 0x00,
    kTimerValue = 0x08,
    kTimerFsb = 0x10
};

using Level = Bits<1>;
using Enable = Bits<2>;
using Periodic = Bits<3>;
using PeriodicCapable = Bits<4>;
using SizeCapable = Bits<5>;
using SetValue = Bits<6>;
using Mode32 = Bits<8>;
using Route = Bits<13, 9>;
using FsbEnable = Bits<14>;
using FsbCapable = Bits<15>;
using RouteCapable = Bits<63, 32>;

constexpr uint64_t kFemtosPerTick = 10'000'000;
// Revision 1, three timers, 64 bits, legacy replacement, vendor 8086.
constexpr uint64_t kCapabilityValue =
    0x01 | ((Hpet::kTimers - 1) << 8) | bit(13) | bit(15) | (uint64_t{0x8086} << 16) | (kFemtosPerTick << 32);
// How far ahead a timer is armed at most; then it looks again.
constexpr uint64_t kFarthest = uint64_t{1} << 40;
// Matches of a periodic comparator that come faster than this (100 us) are told together: each costs the host
// more than the guest.
constexpr uint64_t kShortestPeriod = 10'000;

}  // namespace

Hpet::Hpet(const Config& config, Clock& clock, const Lines& lines, MsiSink& msi,
           std::function<void(bool)> legacy)
    : config_(config), clock_(clock), lines_(lines), msi_(msi), legacy_changed_(std::move(legacy)) {
    for (unsigned n = 0; n < kTimers; ++n)
        timers_[n].timer = clock.make_timer([this, n] { fired(n); });
    Locked l(mutex_);
    for (Comparator& t : timers_) {
        PeriodicCapable::set(t.config, 1);
        SizeCapable::set(t.config, 1);
        FsbCapable::set(t.config, config.msi ? 1 : 0);
        RouteCapable::set(t.config, config.routes);
    }
}

void Hpet::reset_hold() {
    Effects out;
    {
        Locked l(mutex_);
        for (unsigned n = 0; n < kTimers; ++n) {
            if (const IrqLine* line = line_of(n)) line->set(false);
            Comparator& t = timers_[n];
            t.timer->disarm();
            t.config &= PeriodicCapable::kMask | SizeCapable::kMask | FsbCapable::kMask | RouteCapable::kMask;
            t.value = ~uint64_t{0};
            t.period = t.fsb = 0;
            t.armed = t.accumulate = false;
        }
        out.legacy_changed = legacy();
        general_ = status_ = halted_at_ = 0;
    }
    act(out);
}

uint64_t Hpet::counter() const {
    if (!enabled()) return halted_at_;
    return started_at_ + static_cast<uint64_t>(clock_.now_ns() - started_ns_) / kTickNs;
}

void Hpet::start(uint64_t from) {
    started_at_ = from;
    started_ns_ = clock_.now_ns();
}

int64_t Hpet::time_of(uint64_t count) const {
    return started_ns_ + static_cast<int64_t>(count - started_at_) * kTickNs;
}

uint64_t Hpet::read(uint64_t offset, unsigned size) {
    Locked l(mutex_);
    uint64_t value = load(offset & ~uint64_t{7});
    return (value >> (8 * (offset & 7))) & all_ones(size);
}

void Hpet::write(uint64_t offset, uint64_t value, unsigned size) {
    Effects out;
    {
        Locked l(mutex_);
        unsigned shift = 8 * (offset & 7);
        store(offset & ~uint64_t{7}, value << shift, all_ones(size) << shift, out);
    }
    act(out);
}

uint64_t Hpet::load(uint64_t reg) const {
    switch (reg) {
        case kCapabilities:
            return kCapabilityValue;
        case kConfig:
            return general_;
        case kStatus:
            return status_;
        case kCounter:
            return counter();
        default:
            break;
    }
    uint64_t n = (reg - kTimerBase) / kTimerStride;
    if (reg < kTimerBase || n >= kTimers) return 0;
    const Comparator& t = timers_[n];
    switch ((reg - kTimerBase) % kTimerStride) {
        case kTimerConfig:
            return t.config;
        case kTimerValue:
            return t.value;
        case kTimerFsb:
            return t.fsb;
        default:
            return 0;
    }
}

void Hpet::store(uint64_t reg, uint64_t value, uint64_t mask, Effects& out) {
    uint64_t merged = (load(reg) & ~mask) | (value & mask);
    switch (reg) {
        case kConfig:
            return store_general(merged, out);
        case kStatus:
            return clear_status(value & mask);
        case kCounter:
            if (enabled()) {
                log_guest_error("hpet: the counter is written while it runs");
                start(merged);
            }
            halted_at_ = merged;
            for (unsigned n = 0; n < kTimers; ++n)
                arm(n);
            return;
        default:
            break;
    }
    uint64_t which = (reg - kTimerBase) / kTimerStride;
    if (reg < kTimerBase || which >= kTimers) return;
    auto n = static_cast<unsigned>(which);
    Comparator& t = timers_[n];
    switch ((reg - kTimerBase) % kTimerStride) {
        case kTimerConfig: {
            if (const IrqLine* line = line_of(n)) line->set(false);
            uint64_t writable = config_mask();
            t.config = (t.config & ~writable) | (merged & writable);
            t.accumulate = SetValue::test(merged) && Periodic::test(t.config);
            if (Mode32::test(t.config)) {
                t.value = static_cast<uint32_t>(t.value);
                t.period = static_cast<uint32_t>(t.period);
            }
            update_level(n);
            return arm(n);
        }
        case kTimerValue:
            return store_comparator(n, value, mask);
        case kTimerFsb:
            t.fsb = merged;
            return;
        default:
            return;
    }
}

uint64_t Hpet::config_mask() const {
    uint64_t mask = Level::kMask | Enable::kMask | Periodic::kMask | Mode32::kMask | Route::kMask;
    return config_.msi ? mask | FsbEnable::kMask : mask;
}

void Hpet::store_general(uint64_t value, Effects& out) {
    value &= 3;
    bool was_legacy = legacy(), was_enabled = enabled();
    if ((value & 1) != 0 && !was_enabled) {
        start(halted_at_);
    } else if ((value & 1) == 0 && was_enabled) {
        halted_at_ = counter();
    }
    // Lines fall where they were and may rise elsewhere.
    for (unsigned n = 0; n < kTimers; ++n) {
        if (const IrqLine* line = line_of(n)) line->set(false);
    }
    general_ = value;
    for (unsigned n = 0; n < kTimers; ++n) {
        update_level(n);
        arm(n);
    }
    out.legacy_changed = was_legacy != legacy();
    out.legacy = legacy();
}

// In periodic mode a write is the period; after the value-set bit it is the next value, and the write after
// that the period again. Drivers write the value, then the period.
void Hpet::store_comparator(unsigned n, uint64_t value, uint64_t mask) {
    Comparator& t = timers_[n];
    if (Mode32::test(t.config)) {
        mask &= all_ones(4);
        if (mask == 0) return;
        value &= mask;
    }
    bool periodic = Periodic::test(t.config);
    if (!periodic || t.accumulate) t.value = (t.value & ~mask) | (value & mask);
    if (periodic && !t.accumulate) t.period = (t.period & ~mask) | (value & mask);
    if (Mode32::test(t.config)) {
        t.value = static_cast<uint32_t>(t.value);
        t.period = static_cast<uint32_t>(t.period);
    }
    // The high half of a value written in two halves ends it.
    if (mask == ~uint64_t{0} || (mask >> 32) != 0 || Mode32::test(t.config)) t.accumulate = false;
    arm(n);
}

void Hpet::clear_status(uint64_t bits) {
    status_ &= ~bits;
    for (unsigned n = 0; n < kTimers; ++n)
        if ((bits & bit(n)) != 0) update_level(n);
}

const IrqLine* Hpet::line_of(unsigned n) const {
    if (legacy() && n < 2) return &lines_[n == 0 ? kLegacyPit : kLegacyRtc];
    if (FsbEnable::test(timers_[n].config)) return nullptr;
    uint64_t route = Route::get(timers_[n].config);
    return route < kPins && (config_.routes & bit(static_cast<unsigned>(route))) != 0 ? &lines_[route]
                                                                                      : nullptr;
}

void Hpet::update_level(unsigned n) {
    const Comparator& t = timers_[n];
    const IrqLine* line = line_of(n);
    if (line == nullptr || !Level::test(t.config)) return;
    line->set(enabled() && Enable::test(t.config) && (status_ & bit(n)) != 0);
}

// The comparator matches when the counter passes its value; a value just behind the counter is one turn away.
void Hpet::arm(unsigned n) {
    Comparator& t = timers_[n];
    t.armed = enabled();
    if (!t.armed) return t.timer->disarm();
    uint64_t now = counter();
    uint64_t ahead = t.value - now;
    if (Mode32::test(t.config)) ahead = static_cast<uint32_t>(ahead);
    if (Periodic::test(t.config) && t.period != 0) {
        // Matches that passed unseen are one; the phase is kept.
        uint64_t period = std::max(t.period, kShortestPeriod);
        uint64_t half = Mode32::test(t.config) ? bit(31) : bit(63);
        if (ahead == 0 || ahead >= half) {
            uint64_t behind = Mode32::test(t.config) ? static_cast<uint32_t>(now - t.value) : now - t.value;
            uint64_t steps = behind / period + 1;
            t.value += steps * period;
            ahead = steps * period - behind;
        }
        if (Mode32::test(t.config)) t.value = static_cast<uint32_t>(t.value);
    }
    // So far away that the guest means "never": looked at again then.
    t.due = now + std::min(ahead, kFarthest);
    t.timer->arm(time_of(t.due));
}

void Hpet::fired(unsigned n) {
    Effects out;
    {
        Locked l(mutex_);
        Comparator& t = timers_[n];
        if (!t.armed || static_cast<int64_t>(counter() - t.due) < 0) return;
        uint64_t mask = Mode32::test(t.config) ? all_ones(4) : all_ones(8);
        if ((t.due & mask) == (t.value & mask)) raise(n, out);
        if (Periodic::test(t.config) && t.period != 0) {
            arm(n);
        } else if (Mode32::test(t.config)) {
            // A 32-bit comparator matches again each time the low half comes round.
            t.due += uint64_t{1} << 32;
            if ((t.due & mask) != (t.value & mask)) return arm(n);
            t.timer->arm(time_of(t.due));
        } else if (t.due != t.value) {
            arm(n);
        } else {
            t.armed = false;
        }
    }
    act(out);
}

void Hpet::raise(unsigned n, Effects& out) {
    const Comparator& t = timers_[n];
    bool level = Level::test(t.config);
    if (level) status_ |= bit(n);
    if (!Enable::test(t.config)) return;
    bool message = FsbEnable::test(t.config) && !(legacy() && n < 2);
    if (message) {
        out.messages.push_back({t.fsb >> 32, static_cast<uint32_t>(t.fsb)});
        return;
    }
    const IrqLine* line = line_of(n);
    if (line == nullptr) return;
    if (level) {
        line->set(true);
    } else {
        line->pulse();
    }
}

void Hpet::act(const Effects& effects) {
    if (effects.legacy_changed && legacy_changed_) legacy_changed_(effects.legacy);
    for (const MsiMessage& message : effects.messages)
        msi_.send(message);
}

}  // namespace vmm
