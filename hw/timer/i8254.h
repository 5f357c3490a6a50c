// I8254: the PC's interval timer, ports 0x40-0x43, and the part of port 0x61 that belongs to channel 2 and
// the refresh request. Channel 0's output is IRQ 0.
// Spec: Intel 82C54 (231244); port 61h: Intel ICH9 datasheet (NMI status and control). Missing: sound; the
// NMI bits of port 61h read as "none".
// Thread: any; lock: one, rank Device; the pin is set under it. Counters are computed from the clock; only
// channel 0's edges use a timer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "hw/core/device.h"
#include "hw/isa/member_ops.h"
#include "system/clock/clock.h"
#include "system/irq/line.h"
#include "util/mutex.h"

namespace vmm {

// One counter. Pure: every function is given the time; ticks are of 1193182 Hz since the chip was made.
class I8254Channel {
  public:
    void set_control(uint8_t control, int64_t now);
    void write_count(uint8_t byte, int64_t now);
    uint8_t read_count(int64_t now);
    void latch_count(int64_t now);
    void latch_status(int64_t now);
    void set_gate(bool level, int64_t now);
    bool gate() const { return gate_; }
    bool output(int64_t now) const;
    unsigned mode() const { return mode_; }
    // The first tick after `now` at which the output changes by itself; INT64_MAX: never.
    int64_t next_change(int64_t now) const;

  private:
    enum class Access : uint8_t { Low = 1, High = 2, Both = 3 };
    uint32_t modulus() const;
    uint16_t count_at(int64_t now) const;
    void load(uint32_t count, int64_t now);
    // Ticks counted since the count was loaded, stopped by the gate.
    int64_t elapsed(int64_t now) const;

    uint32_t count_ = 0x10000;  // 1..0x10000, in binary
    int64_t start_ = 0;         // when it was loaded (moved on by pauses)
    int64_t paused_at_ = 0;     // while the gate holds it
    uint16_t latched_count_ = 0;
    uint8_t latched_status_ = 0;
    uint8_t write_low_ = 0;
    uint8_t mode_ = 3;
    Access access_ = Access::Both;
    bool bcd_ = false;
    bool gate_ = true;
    bool loaded_ = false;   // a count was written since the mode was set
    bool running_ = false;  // modes 1 and 5: triggered
    bool paused_ = false;
    bool write_high_next_ = false;
    bool read_high_next_ = false;
    uint8_t latched_bytes_ = 0;  // of the count still to be read
    bool status_latched_ = false;
};

class I8254 final : public Device, public IoOps {
  public:
    static constexpr uint16_t kPort = 0x40;
    static constexpr uint64_t kSize = 4;
    static constexpr uint16_t kPort61 = 0x61;
    static constexpr int64_t kHz = 1193182;

    I8254(Clock& clock, IrqLine irq);
    std::string_view type() const override { return "isa-pit"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return kByteRegisters; }
    void reset_hold() override;
    // Mapped at kPort61, one byte.
    IoOps& port61() { return port61_ops_; }
    // The HPET in legacy replacement mode takes IRQ 0 over.
    void set_irq_enabled(bool enabled);

  private:
    uint64_t read_port61(uint64_t offset, unsigned size);
    void write_port61(uint64_t offset, uint64_t value, unsigned size);
    int64_t ticks() const;
    void write_control(uint8_t value, int64_t now) REQUIRES(mutex_);
    void update_irq(int64_t now) REQUIRES(mutex_);
    void fired();

    Clock& clock_;
    const IrqLine irq_;
    Mutex mutex_{LockRank::Device, "pit"};
    std::array<I8254Channel, 3> channels_ GUARDED_BY(mutex_);
    bool speaker_ GUARDED_BY(mutex_) = false;
    bool irq_enabled_ GUARDED_BY(mutex_) = true;
    int64_t next_edge_ GUARDED_BY(mutex_) = INT64_MAX;  // tick the timer is armed for
    std::unique_ptr<Timer> timer_;
    MemberOps<&I8254::read_port61, &I8254::write_port61> port61_ops_{*this};
};

}  // namespace vmm
