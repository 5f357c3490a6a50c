// See pm_registers.h.
#include "hw/acpi/pm_registers.h"

#include "util/bits.h"
#include "util/check.h"

namespace vmm::acpi {

namespace {

// Events first: status in the low half, enable in the high half.
using Status = Bits<15, 0>;
using Enable = Bits<31, 16>;
using SleepType = Bits<12, 10>;

constexpr uint32_t kEnableBits = kPm1Timer | kPm1GlobalLock | kPm1PowerButton | kPm1Rtc;
constexpr uint32_t kBusMasterReload = 1u << 1;
// GBL_RLS and SLP_EN read as zero.
constexpr uint32_t kControlBits = kPm1SciEnable | kBusMasterReload | uint32_t{SleepType::kMask};

}  // namespace

PmRegisters::PmRegisters(AcpiMode mode, const Clock& clock) : mode_(mode), timer_(clock) {}

void PmRegisters::reset() {
    status_ = enable_ = control_ = 0;
    timer_.watch();
}

uint32_t PmRegisters::status() const {
    return timer_.changed() ? status_ | kPm1Timer : status_;
}

uint32_t PmRegisters::control() const {
    return mode_ == AcpiMode::Always ? control_ | kPm1SciEnable : control_;
}

uint32_t PmRegisters::load(unsigned offset) const {
    switch (offset) {
        case kEvents:
            return status() | enable_ << 16;
        case kControl:
            return control();
        case kTimer:
            return timer_.count();
    }
    UNREACHABLE();
}

void PmRegisters::clear_status(uint32_t bits) {
    if ((bits & kPm1Timer) != 0 && timer_.changed()) timer_.watch();
    status_ &= ~bits;
}

std::optional<unsigned> PmRegisters::store(unsigned offset, uint32_t value, uint32_t lanes) {
    const uint32_t written = value & lanes;
    switch (offset) {
        case kEvents:
            clear_status(static_cast<uint32_t>(Status::get(written)));
            enable_ =
                static_cast<uint32_t>((enable_ & ~Enable::get(lanes)) | (Enable::get(written) & kEnableBits));
            return std::nullopt;
        case kControl:
            control_ = (control_ & ~lanes) | (written & kControlBits);
            if ((written & kPm1SleepEnable) == 0) return std::nullopt;
            return static_cast<unsigned>(SleepType::get(control_));
        case kTimer:
            return std::nullopt;
    }
    UNREACHABLE();
}

bool PmRegisters::press_power_button() {
    if ((enable_ & kPm1PowerButton) == 0) return false;
    status_ |= kPm1PowerButton;
    return true;
}

void PmRegisters::set_acpi_mode(bool on) {
    control_ = on ? control_ | kPm1SciEnable : control_ & ~kPm1SciEnable;
}

std::optional<int64_t> PmRegisters::next_change_ns() const {
    if ((enable_ & kPm1Timer) == 0 || timer_.changed()) return std::nullopt;
    return timer_.change_ns();
}

}  // namespace vmm::acpi
