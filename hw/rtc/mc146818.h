// Mc146818: the PC's real-time clock with its CMOS RAM, at ports 0x70 (index) and 0x71 (data).
// Spec: Motorola MC146818A. The time is an offset to a clock, so nothing ticks unless an interrupt is wanted.
// Missing: square wave output, daylight saving, NMI mask (bit 7 of the index is ignored).
// Thread: any; lock: one, rank Device; the interrupt pin is set under it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "hw/core/device.h"
#include "hw/rtc/calendar.h"
#include "hw/rtc/cmos_layout.h"
#include "system/clock/clock.h"
#include "system/irq/line.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class Mc146818 final : public Device, public IoOps {
  public:
    static constexpr uint16_t kPort = 0x70;
    static constexpr uint64_t kSize = 2;
    static constexpr unsigned kIrq = 8;

    struct Config {
        int64_t start_seconds = 0;  // what it shows when made: seconds of its own calendar since 1970
        bool slew = false;          // periodic interrupts that the guest was too late for come later
        std::array<uint8_t, cmos::kBytes> ram = {};  // bytes from 0x0e on are the board's
    };

    // The clock it runs on: the host's (keeps wall time while the VM stands still) or the virtual one.
    Mc146818(const Config& config, Clock& clock, IrqLine irq);

    std::string_view type() const override { return "mc146818rtc"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 4, 1, 1, true}; }
    void reset_hold() override;

    // Called when the alarm goes off while its interrupt is enabled; with no lock held, on the clock's
    // thread. Set before the guest runs.
    void on_alarm(std::function<void()> hear) { hear_alarm_ = std::move(hear); }
    // The board's access to the RAM part (0x0e and up). Any thread.
    uint8_t ram(unsigned index);
    void set_ram(unsigned index, uint8_t value);
    // What it shows now.
    CalendarTime now();

  private:
    // Nanoseconds since 1970 on the chip's calendar, whose years 64 bits would not hold.
    using Shown = __int128;
    // Below, the lock is held.
    Shown shown_ns() const REQUIRES(mutex_);
    bool updating() const REQUIRES(mutex_);
    CalendarTime calendar() const REQUIRES(mutex_);
    void set_calendar(const CalendarTime& t) REQUIRES(mutex_);
    uint8_t load(unsigned index) REQUIRES(mutex_);
    void store(unsigned index, uint8_t value) REQUIRES(mutex_);
    void store_time(unsigned index, uint8_t value) REQUIRES(mutex_);
    void store_reg_a(uint8_t value) REQUIRES(mutex_);
    void store_reg_b(uint8_t value) REQUIRES(mutex_);
    uint8_t encode(int value) const REQUIRES(mutex_);
    int decode(uint8_t value) const REQUIRES(mutex_);
    uint8_t encode_hour(int hour) const REQUIRES(mutex_);
    int decode_hour(uint8_t value) const REQUIRES(mutex_);
    bool alarm_matches(const CalendarTime& t) const REQUIRES(mutex_);
    int64_t next_alarm_second(int64_t after) const REQUIRES(mutex_);
    int64_t period_ns() const REQUIRES(mutex_);
    bool divider_runs() const REQUIRES(mutex_);
    // Sets the flags of what has come since the last look, the pin, and the timer for what comes next.
    void catch_up() REQUIRES(mutex_);
    void count_ticks() REQUIRES(mutex_);
    void arm() REQUIRES(mutex_);
    void restart() REQUIRES(mutex_);
    void update_irq() REQUIRES(mutex_);
    void fired();

    Clock& clock_;
    const IrqLine irq_;
    const bool slew_;
    std::function<void()> hear_alarm_ = [] {};
    Mutex mutex_{LockRank::Device, "rtc"};
    std::array<uint8_t, cmos::kBytes> ram_ GUARDED_BY(mutex_);
    uint8_t index_ GUARDED_BY(mutex_) = 0;
    Shown offset_ns_ GUARDED_BY(mutex_) = 0;  // shown time minus the clock's
    Shown frozen_ns_ GUARDED_BY(mutex_) = 0;  // shown time while SET or a stopped divider holds it
    bool frozen_ GUARDED_BY(mutex_) = false;
    Shown seen_ns_ GUARDED_BY(mutex_) = 0;         // shown time up to which flags are set
    int64_t period_start_ GUARDED_BY(mutex_) = 0;  // clock time of the last periodic tick
    int64_t owed_ GUARDED_BY(mutex_) = 0;          // slew: ticks that the guest has not got
    int64_t next_owed_ GUARDED_BY(mutex_) = 0;     // clock time at which it gets one; 0: none
    std::unique_ptr<Timer> timer_;
};

// The start time of -rtc base=: utc, localtime or a date ("2006-06-17T16:01:21" or "2006-06-17") as seconds
// of the chip's calendar. Empty when the text is none of these.
std::optional<int64_t> rtc_start_seconds(std::string_view base, int64_t host_now_ns);

}  // namespace vmm
