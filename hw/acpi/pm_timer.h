// The ACPI power-management timer: a 24-bit counter that runs at 3.579545 MHz of a clock and says when its
// highest bit has changed. Used by pm_registers.h. Takes no lock and arms nothing: its owner asks when to
// look again. ACPI 6.4, 4.8.3.3.
#pragma once

#include <cstdint>

#include "system/clock/clock.h"

namespace vmm::acpi {

inline constexpr int64_t kPmTimerHertz = 3579545;

class PmTimer {
  public:
    // The clock is borrowed; its time 0 is the counter's 0.
    explicit PmTimer(const Clock& clock) : clock_(clock) { watch(); }

    uint32_t count() const;
    // The highest bit has changed since watch() was called last.
    bool changed() const { return ticks() >= change_at_; }
    // From now on waits for the next change.
    void watch();
    // The clock's time of the change that is waited for, nanoseconds.
    int64_t change_ns() const;

  private:
    int64_t ticks() const;

    const Clock& clock_;
    int64_t change_at_ = 0;  // ticks
};

}  // namespace vmm::acpi
