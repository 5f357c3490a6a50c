// I8042: the PC's keyboard controller at ports 0x60 and 0x64, with its keyboard (IRQ 1) and mouse (IRQ 12).
// Port92: the fast A20 and reset port. Spec: IBM PS/2 Technical Reference; Intel 8042 as PCs use it.
// Missing: the A20 gate has no effect (the line is always on; the bit is kept), controller RAM beyond byte 0,
// keyboard lock.
// Thread: any; lock: one, rank Device. Pins are set under it, a reset is asked for after it was let go.
#pragma once

#include <cstdint>

#include "hw/core/device.h"
#include "hw/input/ps2.h"
#include "hw/isa/member_ops.h"
#include "system/irq/line.h"
#include "system/run/requests.h"
#include "util/mutex.h"

namespace vmm {

class I8042 final : public Device {
  public:
    static constexpr uint16_t kDataPort = 0x60, kCommandPort = 0x64;  // one byte each
    static constexpr unsigned kKeyboardIrq = 1, kMouseIrq = 12;

    I8042(IrqLine keyboard_irq, IrqLine mouse_irq, MachineRequests& requests)
        : keyboard_irq_(keyboard_irq), mouse_irq_(mouse_irq), requests_(requests) {
        Locked l(mutex_);
        reset_state();
    }
    std::string_view type() const override { return "i8042"; }
    IoOps& data() { return data_ops_; }
    IoOps& command() { return command_ops_; }
    void reset_hold() override;

    // Input from the host; see ps2.h. Any thread.
    bool key(uint8_t code, bool extended, bool down);
    void move_mouse(int dx, int dy, int dz, uint8_t buttons);

  private:
    enum class Source : uint8_t { Controller, Keyboard, Mouse };
    uint64_t read_data(uint64_t offset, unsigned size);
    void write_data(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_status(uint64_t offset, unsigned size);
    void write_command(uint64_t offset, uint64_t value, unsigned size);

    void reset_state() REQUIRES(mutex_);
    // True when the machine is to be reset.
    bool do_command(uint8_t value) REQUIRES(mutex_);
    bool set_output_port(uint8_t value) REQUIRES(mutex_);
    void answer(uint8_t byte, Source source) REQUIRES(mutex_);
    void fill() REQUIRES(mutex_);
    void update_irq() REQUIRES(mutex_);
    std::optional<uint8_t> translated(uint8_t byte) REQUIRES(mutex_);
    uint8_t status() const REQUIRES(mutex_);

    const IrqLine keyboard_irq_, mouse_irq_;
    MachineRequests& requests_;
    Mutex mutex_{LockRank::Device, "i8042"};
    Ps2Keyboard keyboard_ GUARDED_BY(mutex_);
    Ps2Mouse mouse_ GUARDED_BY(mutex_);
    uint8_t mode_ GUARDED_BY(mutex_) = 0;  // the command byte
    uint8_t output_port_ GUARDED_BY(mutex_) = 0;
    uint8_t next_data_ GUARDED_BY(mutex_) = 0;  // the command that the next write to 0x60 belongs to
    uint8_t data_ GUARDED_BY(mutex_) = 0;       // the output buffer
    Source source_ GUARDED_BY(mutex_) = Source::Controller;
    bool full_ GUARDED_BY(mutex_) = false;          // it holds a byte
    bool release_next_ GUARDED_BY(mutex_) = false;  // translation saw 0xf0
    bool last_was_command_ GUARDED_BY(mutex_) = false;
    MemberOps<&I8042::read_data, &I8042::write_data> data_ops_{*this};
    MemberOps<&I8042::read_status, &I8042::write_command> command_ops_{*this};
};

class Port92 final : public Device, public IoOps {
  public:
    static constexpr uint16_t kPort = 0x92;
    static constexpr uint64_t kSize = 1;
    explicit Port92(MachineRequests& requests) : requests_(requests) {}
    std::string_view type() const override { return "port92"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return kByteRegisters; }
    void reset_hold() override;

  private:
    MachineRequests& requests_;
    Mutex mutex_{LockRank::Device, "port92"};
    uint8_t value_ GUARDED_BY(mutex_) = 2;
};

}  // namespace vmm
