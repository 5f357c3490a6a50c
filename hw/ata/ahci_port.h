// AhciPort: one port of an AHCI controller: its registers, the link to its drive, the frames it receives into
// guest memory, and the command list it works off. AHCI 1.3.1, 3.3 and chapter 5; resets: chapter 10.
//
// Register accesses come from any thread. Commands are fetched and finished on the loop's thread: a write
// that gives it work rings a timer that is due at once. While a reset waits for I/O under way, the drive's
// signature is not yet sent, so that nothing of before the reset lands after it.
//
// Missing: DMA Setup frames and descriptors' interrupts (no driver looks at them), port multipliers, power
// management of the link, cold presence detection. After an error of a command that was not queued, commands
// in other slots go on waiting until the guest restarts the list, as AHCI 1.3.1, 6.2.2 wants it.
//
// Lock: the controller's (rank Device), handed in; it guards all registers. Never held while the drive or a
// back end is called.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "hw/ata/ahci_registers.h"
#include "hw/ata/drive.h"
#include "hw/ata/prdt.h"
#include "system/memory/dma_space.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm::ata {

// The controller: told with the lock held when PxIS or PxIE changed; `news`: an enabled bit rose.
class PortOwner {
  public:
    virtual ~PortOwner() = default;
    virtual void port_changed(bool news) = 0;
};

class AhciPort final : private CommandHost {
  public:
    // All outlive the port.
    struct Parts {
        Mutex& mutex;
        PortOwner& owner;
        DmaSpace& dma;
        EventLoop& loop;
        unsigned index;
    };
    explicit AhciPort(const Parts& parts);
    ~AhciPort() override;

    // The drive is borrowed; null takes it away. Main thread, with nothing under way.
    void set_drive(Drive* drive);
    Drive* drive() const { return drive_; }

    uint32_t read(unsigned offset) REQUIRES(mutex_);
    void write(unsigned offset, uint32_t value) REQUIRES(mutex_);
    bool interrupting() const REQUIRES(mutex_) { return (interrupt_status() & ie_) != 0; }

    // The controller's reset (GHC.HR): all but the base addresses.
    void reset() REQUIRES(mutex_);
    // The machine's reset: waits for nothing, so the drive's I/O has been drained before.
    void power_on_reset() REQUIRES(mutex_);
    // Ends what is under way: for a reset of the machine. Loop thread, without the lock.
    void abandon();

  private:
    struct Slot final : Command {
        Slot(AhciPort& port, unsigned number) : Command(port), index(number) {}
        const unsigned index;
        PrdTable data;
        Gpa header{0};
    };
    enum class Fetch : uint8_t { Command, Nothing, Failed };

    // CommandHost.
    bool put(Command& command, uint64_t at, std::span<const uint8_t> from) override;
    bool get(Command& command, uint64_t at, std::span<uint8_t> into) override;
    void completed(Command& command) override;

    // Registers.
    uint32_t interrupt_status() const REQUIRES(mutex_);
    void write_command(uint32_t value) REQUIRES(mutex_);
    void write_link_control(uint32_t value) REQUIRES(mutex_);
    void raise(uint32_t bits) REQUIRES(mutex_);
    void stop_list() REQUIRES(mutex_);
    void begin_drive_reset() REQUIRES(mutex_);
    void send_signature() REQUIRES(mutex_);
    void ring() { doorbell_.arm_at(0); }

    // Frames into guest memory; what cannot be written is a host bus error.
    void receive(unsigned where, std::span<const uint8_t> frame) REQUIRES(mutex_);
    void send_register_frame(const DriveRegisters& registers, Interrupt interrupt) REQUIRES(mutex_);
    void host_bus_error() REQUIRES(mutex_);

    // The command list; loop thread.
    void work();
    std::optional<unsigned> choose() REQUIRES(mutex_);
    Fetch fetch(Slot& slot, Gpa list);
    void accept(Slot& slot) REQUIRES(mutex_);
    void take_control_frame(unsigned slot, uint8_t control) REQUIRES(mutex_);
    void fetch_failed(unsigned slot) REQUIRES(mutex_);
    void finish(Slot& slot) REQUIRES(mutex_);
    void finish_queued(Slot& slot) REQUIRES(mutex_);
    void finish_single(Slot& slot) REQUIRES(mutex_);
    void tell_pio(const Slot& slot) REQUIRES(mutex_);

    Mutex& mutex_;
    PortOwner& owner_;
    DmaSpace& dma_;
    const unsigned index_;
    Drive* drive_ = nullptr;
    LoopTimer doorbell_;
    std::array<std::unique_ptr<Slot>, kSlots> slots_;
    bool working_ = false;  // loop thread: inside work()

    uint64_t clb_ GUARDED_BY(mutex_) = 0;
    uint64_t fb_ GUARDED_BY(mutex_) = 0;
    uint32_t is_ GUARDED_BY(mutex_) = 0;
    uint32_t ie_ GUARDED_BY(mutex_) = 0;
    uint32_t cmd_ GUARDED_BY(mutex_) = 0;
    uint32_t tfd_ GUARDED_BY(mutex_) = kTfdNone;
    uint32_t sig_ GUARDED_BY(mutex_) = kSigNone;
    uint32_t ssts_ GUARDED_BY(mutex_) = 0;
    uint32_t sctl_ GUARDED_BY(mutex_) = 0;
    uint32_t serr_ GUARDED_BY(mutex_) = 0;
    uint32_t sact_ GUARDED_BY(mutex_) = 0;
    uint32_t ci_ GUARDED_BY(mutex_) = 0;

    uint32_t running_ GUARDED_BY(mutex_) = 0;  // slots the drive has
    uint32_t queued_ GUARDED_BY(mutex_) = 0;   // of these, the ones of native command queueing
    uint32_t stale_ GUARDED_BY(mutex_) = 0;    // of these, the ones nobody waits for any more
    unsigned last_slot_ GUARDED_BY(mutex_) = kSlots - 1;
    bool halted_ GUARDED_BY(mutex_) = false;         // by an error, until the list is stopped
    bool soft_reset_ GUARDED_BY(mutex_) = false;     // SRST is set
    bool signature_due_ GUARDED_BY(mutex_) = false;  // to be sent when it can be
    bool drive_reset_due_ GUARDED_BY(mutex_) = false;
};

}  // namespace vmm::ata
