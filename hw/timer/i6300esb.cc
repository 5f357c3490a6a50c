// See i6300esb.h.
#include "hw/timer/i6300esb.h"

#include "system/run/requests.h"

namespace vmm {

namespace {

constexpr uint32_t kPreloadBits = 0xfffff;
constexpr uint8_t kUnlock1 = 0x80, kUnlock2 = 0x86;
constexpr uint16_t kConfigWritable = 0x0027;  // interrupt kind, clock, no reboot
constexpr uint8_t kLockWritable = 0x07;
// The counters see the 33 MHz PCI clock through a prescaler.
constexpr int64_t kPciHz = 33'000'000, kNsPerSecond = 1'000'000'000;
constexpr unsigned kSlowShift = 15, kFastShift = 5;

}  // namespace

Result<std::unique_ptr<I6300esb>> I6300esb::create(const Config& values, DeviceEnv& env,
                                                   const std::string& id) {
    return std::make_unique<I6300esb>(Token{}, values, env, id);
}

I6300esb::I6300esb(Token, const Config& values, DeviceEnv& env, const std::string& id)
    : Function({.vendor = 0x8086,
                .device = 0x25ab,
                .class_code = 0x088000,
                .subsystem_vendor = 0x1af4,
                .subsystem = 0x1100},
               values, id),
      clock_(env.virtual_clock()),
      requests_(env.requests()),
      timer_(clock_.make_timer([this] { time_passed(); })) {
    add_bar(0, pci::BarKind::Memory32, bar_);
    {
        Locked lock(mutex());
        set_up_registers();
    }
    freeze();
}

void I6300esb::set_up_registers() {
    config().set_writable(kConfigRegister, kConfigWritable, 2);
    config().set_writable(kLockRegister, kLockWritable, 1);
    preload_[0] = preload_[1] = kPreloadBits;
    unlock_ = Unlock::None;
    was_enabled_ = false;
    stage_ = 0;
}

void I6300esb::reset_enter() {
    Function::reset_enter();
    Locked lock(mutex());
    set_up_registers();
}

void I6300esb::reset_hold() {
    Function::reset_hold();
    timer_->disarm();
}

int64_t I6300esb::length_ns(unsigned stage) {
    const bool fast = (config().load16(kConfigRegister) & kFastClock) != 0;
    const int64_t pci_ticks = int64_t{preload_[stage - 1]} << (fast ? kFastShift : kSlowShift);
    // In two steps, as the product would not fit.
    return pci_ticks / kPciHz * kNsPerSecond + pci_ticks % kPciHz * kNsPerSecond / kPciHz;
}

void I6300esb::start(unsigned stage) {
    stage_ = stage;
    ends_at_ = clock_.now_ns() + length_ns(stage);
    timer_->arm(ends_at_);
}

void I6300esb::stop() {
    stage_ = 0;
    timer_->disarm();
}

void I6300esb::config_changed(unsigned offset, unsigned size) {
    if (!touches(offset, size, kLockRegister, 1)) return;
    const uint8_t lock = config().load8(kLockRegister);
    // Locked: the register stays as it is until a reset.
    if ((lock & kLocked) != 0) config().set_writable(kLockRegister, 0, 1);
    const bool enabled = (lock & kEnable) != 0;
    if (enabled && !was_enabled_) start(1);
    if (!enabled) stop();
    was_enabled_ = enabled;
}

uint64_t I6300esb::read(uint64_t offset, unsigned) {
    Locked lock(mutex());
    return offset == kReload && timed_out_ ? kTimeoutBit : 0;
}

void I6300esb::write(uint64_t offset, uint64_t value, unsigned size) {
    Locked lock(mutex());
    if (offset == kReload && value == kUnlock1) {
        unlock_ = Unlock::First;
        return;
    }
    if (offset == kReload && value == kUnlock2 && unlock_ == Unlock::First) {
        unlock_ = Unlock::Open;
        return;
    }
    if (unlock_ != Unlock::Open) return;
    unlock_ = Unlock::None;
    const auto preload = static_cast<uint32_t>(value) & kPreloadBits;
    if (offset == kPreload1 && size == 4) preload_[0] = preload;
    if (offset == kPreload2 && size == 4) preload_[1] = preload;
    if (offset != kReload || size == 1) return;
    if ((value & kTimeoutBit) != 0) timed_out_ = false;
    if ((value & kReloadBit) != 0 && was_enabled_) start(1);
}

void I6300esb::time_passed() {
    bool bark = false;
    {
        Locked lock(mutex());
        if (stage_ == 0 || clock_.now_ns() < ends_at_) return;
        if (stage_ == 1) {
            start(2);
            return;
        }
        bark = (config().load16(kConfigRegister) & kNoReboot) == 0;
        timed_out_ = timed_out_ || bark;
        if ((config().load8(kLockRegister) & kFreeRun) != 0)
            start(1);
        else
            stop();
    }
    if (bark) requests_.report_watchdog();
}

}  // namespace vmm
