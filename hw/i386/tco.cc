// See tco.h.
#include "hw/i386/tco.h"

#include "system/run/requests.h"
#include "util/endian.h"

namespace vmm {

namespace {

constexpr uint16_t kTicks = 0x03ff;  // of the reload and the timer register
constexpr uint16_t kStatus1Clears = 0x178e, kStatus2Clears = 0x0017;
constexpr uint16_t kControl1Writable = 0x1a00, kControl2Writable = 0x003e;

// What a guest can write, byte by byte; the status registers are cleared by writing ones.
constexpr std::array<uint8_t, Tco::kSize> writable_bytes() {
    std::array<uint8_t, Tco::kSize> w = {};
    const auto set16 = [&w](unsigned at, uint16_t bits) {
        w[at] = static_cast<uint8_t>(bits);
        w[at + 1] = static_cast<uint8_t>(bits >> 8);
    };
    w[Tco::kDataIn] = w[Tco::kDataOut] = w[Tco::kMessage1] = w[Tco::kMessage2] = 0xff;
    w[Tco::kWatchdogControl] = 0xff;
    w[Tco::kInterrupts] = 0x03;
    set16(Tco::kControl1, kControl1Writable);
    set16(Tco::kControl2, kControl2Writable);
    set16(Tco::kTimer, kTicks);
    return w;
}
constexpr std::array<uint8_t, Tco::kSize> kWritable = writable_bytes();

constexpr std::array<uint8_t, Tco::kSize> clearable_bytes() {
    std::array<uint8_t, Tco::kSize> c = {};
    c[Tco::kStatus1] = kStatus1Clears & 0xff;
    c[Tco::kStatus1 + 1] = kStatus1Clears >> 8;
    c[Tco::kStatus2] = kStatus2Clears & 0xff;
    return c;
}
constexpr std::array<uint8_t, Tco::kSize> kClearable = clearable_bytes();

}  // namespace

Tco::Tco(Clock& clock, MachineRequests& requests, std::function<bool()> reboot_forbidden)
    : clock_(clock),
      requests_(requests),
      reboot_forbidden_(std::move(reboot_forbidden)),
      timer_(clock.make_timer([this] { time_passed(); })) {
    reset();
}

void Tco::reset() {
    Locked lock(mutex_);
    stop();
    timeouts_ = 0;
    // The boot status lives through a reset that the watchdog caused.
    const uint16_t boot = load16(kStatus2) & kBootStatus;
    bytes_ = {};
    put16(kStatus2, boot);
    put16(kControl2, 0x0008);
    bytes_[kInterrupts] = 0x03;
    put16(kTimer, 4);
}

uint16_t Tco::load16(unsigned offset) const {
    return load_le<uint16_t>(&bytes_[offset]);
}

void Tco::put16(unsigned offset, uint16_t value) {
    store_le_sized(&bytes_[offset], value, 2);
}

uint16_t Tco::ticks_left() const {
    if (!running_) return load16(kReload);
    const int64_t left = ends_at_ - clock_.now_ns();
    return left <= 0 ? uint16_t{0} : static_cast<uint16_t>(left / kTickNs);
}

uint32_t Tco::read(unsigned offset, unsigned size) {
    Locked lock(mutex_);
    std::array<uint8_t, kSize> shown = bytes_;
    store_le_sized(&shown[kReload], ticks_left(), 2);
    return static_cast<uint32_t>(load_le_sized(&shown[offset], size));
}

void Tco::write(unsigned offset, uint32_t value, unsigned size) {
    Locked lock(mutex_);
    const bool locked = (load16(kControl1) & kLock) != 0;
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = offset + i;
        const auto byte = static_cast<uint8_t>(value >> (8 * i));
        bytes_[at] = static_cast<uint8_t>((bytes_[at] & ~kWritable[at] & ~(kClearable[at] & byte)) |
                                          (byte & kWritable[at]));
    }
    if (locked) put16(kControl1, load16(kControl1) | kLock);  // until reset
    written(offset, offset + size - 1);
}

void Tco::written(unsigned first, unsigned last) {
    const auto touches = [=](unsigned at, unsigned size) { return first < at + size && at <= last; };
    if (touches(kDataIn, 1)) put16(kStatus1, load16(kStatus1) | kSoftwareSmi);
    if (touches(kDataOut, 1)) put16(kStatus1, load16(kStatus1) | kInterrupt);
    const bool reload = touches(kReload, 2);
    if (reload) timeouts_ = 0;
    if (!reload && !touches(kControl1, 2)) return;
    if (may_run())
        start();
    else
        stop();
}

bool Tco::may_run() const {
    return (load16(kControl1) & kHalt) == 0 && load16(kTimer) != 0;
}

void Tco::start() {
    running_ = true;
    ends_at_ = clock_.now_ns() + load16(kTimer) * kTickNs;
    timer_->arm(ends_at_);
}

void Tco::stop() {
    put16(kReload, ticks_left());
    running_ = false;
    timer_->disarm();
}

void Tco::time_passed() {
    const bool forbidden = reboot_forbidden_();
    bool bark = false;
    {
        Locked lock(mutex_);
        if (!running_ || clock_.now_ns() < ends_at_) return;  // reloaded meanwhile
        put16(kStatus1, load16(kStatus1) | kTimeout);
        if (++timeouts_ == 2) {
            put16(kStatus2, load16(kStatus2) | kSecondTimeout | kBootStatus);
            timeouts_ = 0;
            bark = !forbidden;
        }
        if (bark)
            stop();
        else
            start();
    }
    if (bark) requests_.report_watchdog();
}

}  // namespace vmm
