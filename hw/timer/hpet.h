// Hpet: the high precision event timer at 0xfed00000: a counter of 10 ns ticks and three comparators.
// Spec: IA-PC HPET 1.0a. Missing: nothing of what its capability register announces (64-bit counter, legacy
// replacement, periodic and message-signalled comparators).
// Thread: any; lock: one, rank Device. Pins are set under it; messages and the legacy switch go out after.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hw/core/device.h"
#include "system/clock/clock.h"
#include "system/irq/line.h"
#include "system/irq/msi.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class Hpet final : public Device, public IoOps {
  public:
    static constexpr uint64_t kAddress = 0xfed00000;
    static constexpr uint64_t kSize = 0x400;
    static constexpr unsigned kTimers = 3;
    static constexpr unsigned kPins = 24;
    static constexpr uint32_t kLegacyPit = 24, kLegacyRtc = 25;  // indices of lines below
    static constexpr int64_t kTickNs = 10;

    struct Config {
        bool msi = true;               // comparators may send messages
        uint32_t routes = 0x00ff0104;  // pins a comparator may be routed to
    };
    // lines: the board's GSIs 0..23, then IRQ 0 and IRQ 8 for legacy replacement.
    using Lines = std::array<IrqLine, kPins + 2>;

    // legacy: told when legacy replacement is switched, so that the PIT and the RTC let go of their lines.
    Hpet(const Config& config, Clock& clock, const Lines& lines, MsiSink& msi,
         std::function<void(bool)> legacy);

    std::string_view type() const override { return "hpet"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 8, 4, 8, false}; }
    void reset_hold() override;

  private:
    struct Comparator {
        uint64_t config = 0;
        uint64_t value = ~uint64_t{0};
        uint64_t period = 0;
        uint64_t fsb = 0;  // message data (low half) and address (high half)
        uint64_t due = 0;  // the counter value the timer is armed for, while `armed`
        bool armed = false;
        bool accumulate = false;  // the next write of the comparator sets the value, not the period
        std::unique_ptr<Timer> timer;
    };
    // What must happen when the lock is gone.
    struct Effects {
        std::vector<MsiMessage> messages;
        bool legacy_changed = false;
        bool legacy = false;
    };

    uint64_t counter() const REQUIRES(mutex_);
    void start(uint64_t from) REQUIRES(mutex_);
    int64_t time_of(uint64_t count) const REQUIRES(mutex_);
    uint64_t load(uint64_t reg) const REQUIRES(mutex_);
    void store(uint64_t reg, uint64_t value, uint64_t mask, Effects& out) REQUIRES(mutex_);
    void store_general(uint64_t value, Effects& out) REQUIRES(mutex_);
    void store_comparator(unsigned n, uint64_t value, uint64_t mask) REQUIRES(mutex_);
    void clear_status(uint64_t bits) REQUIRES(mutex_);
    uint64_t config_mask() const REQUIRES(mutex_);
    const IrqLine* line_of(unsigned n) const REQUIRES(mutex_);
    void arm(unsigned n) REQUIRES(mutex_);
    void fired(unsigned n);
    void raise(unsigned n, Effects& out) REQUIRES(mutex_);
    void update_level(unsigned n) REQUIRES(mutex_);
    void act(const Effects& effects);
    bool enabled() const REQUIRES(mutex_) { return (general_ & 1) != 0; }
    bool legacy() const REQUIRES(mutex_) { return (general_ & 2) != 0; }

    const Config config_;
    Clock& clock_;
    const Lines lines_;
    MsiSink& msi_;
    const std::function<void(bool)> legacy_changed_;
    Mutex mutex_{LockRank::Device, "hpet"};
    uint64_t general_ GUARDED_BY(mutex_) = 0;
    uint64_t status_ GUARDED_BY(mutex_) = 0;
    uint64_t halted_at_ GUARDED_BY(mutex_) = 0;  // the counter while it stands
    // A running counter showed started_at_ at the clock's started_ns_.
    uint64_t started_at_ GUARDED_BY(mutex_) = 0;
    int64_t started_ns_ GUARDED_BY(mutex_) = 0;
    std::array<Comparator, kTimers> timers_ GUARDED_BY(mutex_);
};

}  // namespace vmm
