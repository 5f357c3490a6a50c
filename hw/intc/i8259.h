// I8259Pair: the PC's two cascaded interrupt controllers: 16 pins, ports 0x20-0x21, 0xa0-0xa1 and the
// edge/level registers 0x4d0-0x4d1. The CPU's side is ExternalInterrupts and the INTR pin.
// Spec: Intel 8259A (231468); ELCR: Intel ICH9 datasheet. Missing: 8080 mode (accepted, vectors are still
// x86 ones), buffered mode (without effect inside one chipset).
// Thread: any; lock: one for the pair, rank Irq; INTR is set under it.
#pragma once

#include <array>
#include <cstdint>

#include "hw/core/device.h"
#include "hw/isa/member_ops.h"
#include "system/irq/chip_state.h"
#include "system/irq/line.h"
#include "system/irq/routes.h"
#include "util/mutex.h"

namespace vmm {

// One chip. Pure; the pair holds the lock.
class I8259Chip {
  public:
    explicit I8259Chip(bool master) : master_(master) {}
    void reset();
    void set_pin(unsigned pin, bool level);
    // The pin to serve now, by priority and masks; -1: none.
    int pending() const;
    bool interrupting() const { return pending() >= 0; }
    // The acknowledge cycle for a pin that pending() named.
    void acknowledge(unsigned pin);
    uint8_t vector(unsigned pin) const { return static_cast<uint8_t>(base_ | pin); }

    uint8_t read(unsigned offset);
    void write(unsigned offset, uint8_t value);
    uint8_t elcr() const { return elcr_; }
    PicState state() const;
    void set_elcr(uint8_t value) { elcr_ = value & (master_ ? 0xf8 : 0xde); }

  private:
    int highest(uint8_t pins) const;  // distance from the highest priority, 8: none
    void write_command(uint8_t value);
    void write_mode(uint8_t value);

    bool master_;
    uint8_t elcr_ = 0;
    uint8_t lines_ = 0;       // pins as they are
    uint8_t requests_ = 0;    // IRR
    uint8_t in_service_ = 0;  // ISR
    uint8_t mask_ = 0;        // IMR
    uint8_t base_ = 0;
    uint8_t first_ = 0;      // the pin of highest priority
    uint8_t init_step_ = 0;  // the ICW expected next, 0: none
    bool need_icw4_ = false;
    bool read_isr_ = false;
    bool poll_ = false;
    bool special_mask_ = false;
    bool auto_eoi_ = false;
    bool rotate_auto_eoi_ = false;
    bool fully_nested_ = false;  // special fully nested mode
    bool single_ = false;
};

class I8259Pair final : public Device, public IrqInput, public ExternalInterrupts {
  public:
    static constexpr uint16_t kMasterPort = 0x20, kSlavePort = 0xa0, kElcrPort = 0x4d0;
    static constexpr uint64_t kSize = 2;  // of each window

    // intr: the line to the boot CPU's LINT0.
    explicit I8259Pair(IrqLine intr) : intr_(intr) {}

    std::string_view type() const override { return "isa-i8259"; }
    void set_pin(unsigned pin, bool level) override;
    bool pending() override;
    uint8_t acknowledge() override;
    void reset_hold() override;
    // The master (0) or the slave (1).
    PicState state(unsigned chip);
    IoOps& master() { return master_ops_; }
    IoOps& slave() { return slave_ops_; }
    IoOps& elcr() { return elcr_ops_; }

  private:
    uint64_t read_master(uint64_t offset, unsigned size);
    void write_master(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_slave(uint64_t offset, unsigned size);
    void write_slave(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_elcr(uint64_t offset, unsigned size);
    void write_elcr(uint64_t offset, uint64_t value, unsigned size);
    // The slave's output to the master's pin 2, the master's to the CPU.
    void update() REQUIRES(mutex_);

    const IrqLine intr_;
    Mutex mutex_{LockRank::Irq, "pic"};
    I8259Chip chips_[2] GUARDED_BY(mutex_) = {I8259Chip(true), I8259Chip(false)};
    MemberOps<&I8259Pair::read_master, &I8259Pair::write_master> master_ops_{*this};
    MemberOps<&I8259Pair::read_slave, &I8259Pair::write_slave> slave_ops_{*this};
    MemberOps<&I8259Pair::read_elcr, &I8259Pair::write_elcr> elcr_ops_{*this};
};

}  // namespace vmm
