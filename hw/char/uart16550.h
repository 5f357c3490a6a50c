// Uart16550: the PC16550D serial chip. Its bus glue is serial_isa.h.
// Spec: National Semiconductor PC16550D, June 1995. Missing: the time a byte takes to be sent (it is gone at
// once), parity and framing errors (the other end makes none), break sent outwards, DMA mode pins.
// Thread: any; lock: one, rank Device. The interrupt pin is set under the lock, the chardev called after it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "backends/chardev/chardev.h"
#include "hw/core/device.h"
#include "system/clock/clock.h"
#include "system/irq/line.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class Uart16550 final : public Device, public IoOps, private CharClient {
    struct Token {};

  public:
    static constexpr uint64_t kSize = 8;
    static constexpr unsigned kFifoSize = 16;
    static constexpr uint32_t kBaudBase = 115200;

    Uart16550(Token, Clock& clock, IrqLine irq, Chardev* chardev, std::string id);
    // The chardev is borrowed, null for a port with nothing at its end. Fails when another device has it.
    static Result<std::unique_ptr<Uart16550>> create(Clock& clock, IrqLine irq, Chardev* chardev,
                                                     std::string id = {});
    ~Uart16550() override;

    std::string_view type() const override { return "serial"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 4, 1, 1, true}; }
    void reset_hold() override;

  private:
    struct Fifo {
        std::array<uint8_t, kFifoSize> bytes = {};
        unsigned head = 0;
        unsigned count = 0;
        void push(uint8_t byte) { bytes[(head + count++) % kFifoSize] = byte; }
        uint8_t pop() {
            uint8_t byte = bytes[head];
            drop(1);
            return byte;
        }
        void drop(unsigned n) {
            head = (head + n) % kFifoSize;
            count -= n;
        }
        void clear() { head = count = 0; }
    };
    // What the guest can see. Functions below that name no lock need it held.
    struct State {
        Fifo in, out;
        uint16_t divisor = 12;
        uint8_t ier = 0, fcr = 0, lcr = 0, mcr = 0, lsr = 0x60, msr = 0xb0, scr = 0;
        bool thr_pending = false;      // transmitter empty, not yet told
        bool timeout_pending = false;  // bytes lie below the trigger
    };

    unsigned depth() const REQUIRES(mutex_);
    unsigned trigger() const REQUIRES(mutex_);
    uint8_t identification() const REQUIRES(mutex_);
    void update_irq() REQUIRES(mutex_);
    uint8_t load(unsigned reg) REQUIRES(mutex_);
    void store(unsigned reg, uint8_t value) REQUIRES(mutex_);
    uint8_t take_byte() REQUIRES(mutex_);
    void give_byte(uint8_t byte) REQUIRES(mutex_);
    void send_byte(uint8_t byte) REQUIRES(mutex_);
    void sent() REQUIRES(mutex_);
    void set_fifo_control(uint8_t value) REQUIRES(mutex_);
    void set_modem_control(uint8_t value) REQUIRES(mutex_);
    void set_modem_inputs(uint8_t levels) REQUIRES(mutex_);
    void start_timeout() REQUIRES(mutex_);
    // True once when input held back may flow again.
    bool take_room() REQUIRES(mutex_);
    void timed_out();
    void pump();

    size_t room() override;
    void receive(std::span<const uint8_t> bytes) override;
    void char_event(CharEvent event) override;
    void writable() override { pump(); }

    Clock& clock_;
    const IrqLine irq_;
    Chardev* const chardev_;
    Mutex mutex_{LockRank::Device, "uart"};
    State s_ GUARDED_BY(mutex_);
    bool held_back_ GUARDED_BY(mutex_) = false;   // the chardev was told: no room
    bool pumping_ GUARDED_BY(mutex_) = false;     // a thread is writing s_.out to the chardev
    bool pump_again_ GUARDED_BY(mutex_) = false;  // and must look once more
    std::unique_ptr<Timer> timeout_;
};

}  // namespace vmm
