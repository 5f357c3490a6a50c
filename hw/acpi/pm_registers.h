// The fixed ACPI registers: PM1a status, enable and control, and the PM timer, with what a write of them
// means. Pure state over a clock: no lock, no pins; the chipset's power-management device (hw/i386/lpc_pm.h)
// wraps it. Missing: bus-master status. ACPI 6.4, 4.8.3.
#pragma once

#include <cstdint>
#include <optional>

#include "hw/acpi/pm_timer.h"

namespace vmm::acpi {

// Bits of the status and enable registers.
inline constexpr uint32_t kPm1Timer = 1u << 0;
inline constexpr uint32_t kPm1GlobalLock = 1u << 5;
inline constexpr uint32_t kPm1PowerButton = 1u << 8;
inline constexpr uint32_t kPm1Rtc = 1u << 10;
inline constexpr uint32_t kPm1Wake = 1u << 15;  // status only
// Bits of the control register.
inline constexpr uint32_t kPm1SciEnable = 1u << 0;
inline constexpr uint32_t kPm1SleepEnable = 1u << 13;

// Who is in charge when the machine starts: with Always there is no legacy mode and SCI_EN is wired to 1.
enum class AcpiMode { Always, Switched };

class PmRegisters {
  public:
    // Registers are accessed by doubleword: status and enable, control, timer.
    static constexpr unsigned kEvents = 0, kControl = 4, kTimer = 8;

    // The clock is borrowed.
    PmRegisters(AcpiMode mode, const Clock& clock);
    void reset();

    // Of kEvents, kControl or kTimer.
    uint32_t load(unsigned offset) const;
    // Bits outside `lanes` are not written. The type of the sleep that was asked for, if one was.
    std::optional<unsigned> store(unsigned offset, uint32_t value, uint32_t lanes);

    // Without effect (false) while the guest does not listen: a press must not wait for a later system.
    bool press_power_button();
    // Whether this event of the enable register ends a sleep.
    bool wakes(uint32_t event) const { return (enable_ & event) != 0; }
    // After the reset of a wake-up: why the guest woke; no bit: somebody outside wanted it.
    void woke(uint32_t cause) { status_ |= kPm1Wake | cause; }
    void release_global_lock() { status_ |= kPm1GlobalLock; }
    // The firmware's side of the switch between legacy and ACPI mode.
    void set_acpi_mode(bool on);

    bool acpi_mode() const { return (control() & kPm1SciEnable) != 0; }
    // Some enabled event waits to be served.
    bool pending() const { return (status() & enable_) != 0; }
    // The clock's time at which pending() may become true by itself.
    std::optional<int64_t> next_change_ns() const;

  private:
    uint32_t status() const;
    uint32_t control() const;
    void clear_status(uint32_t bits);

    const AcpiMode mode_;
    PmTimer timer_;
    uint32_t status_ = 0;
    uint32_t enable_ = 0;
    uint32_t control_ = 0;
};

}  // namespace vmm::acpi
