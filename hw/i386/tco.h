// The ICH9's TCO timer: a watchdog of 0.6-second ticks in 32 ports at PMBASE + 0x60. At its first end it sets
// TIMEOUT and starts again; at the second it sets SECOND_TO and, unless the no-reboot bit of the chipset
// registers forbids it, the machine's watchdog action follows. ICH9 datasheet, 13.9.
//
// Missing: the interrupts and SMIs of its status bits (no system-management mode), intruder detection,
// the message to a management controller.
//
// Thread: any; one mutex of rank Device. The timer is of the virtual clock; what the watchdog asks for is
// asked with no lock held.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "system/clock/clock.h"
#include "util/mutex.h"

namespace vmm {

class MachineRequests;

class Tco {
  public:
    static constexpr unsigned kSize = 0x20;
    static constexpr int64_t kTickNs = 600'000'000;

    // Offsets.
    static constexpr unsigned kReload = 0x00, kDataIn = 0x02, kDataOut = 0x03, kStatus1 = 0x04,
                              kStatus2 = 0x06, kControl1 = 0x08, kControl2 = 0x0a, kMessage1 = 0x0c,
                              kMessage2 = 0x0d, kWatchdogControl = 0x0e, kInterrupts = 0x10, kTimer = 0x12;
    // Status 1 and 2.
    static constexpr uint16_t kSoftwareSmi = 1u << 1, kInterrupt = 1u << 2, kTimeout = 1u << 3;
    static constexpr uint16_t kSecondTimeout = 1u << 1, kBootStatus = 1u << 2;
    // Control 1.
    static constexpr uint16_t kHalt = 1u << 11, kLock = 1u << 12;

    // The clock and requests are borrowed. `reboot_forbidden` is asked with no lock held.
    Tco(Clock& clock, MachineRequests& requests, std::function<bool()> reboot_forbidden);

    // 1, 2 or 4 bytes at a multiple of their size.
    uint32_t read(unsigned offset, unsigned size);
    void write(unsigned offset, uint32_t value, unsigned size);
    void reset();

  private:
    uint16_t load16(unsigned offset) const REQUIRES(mutex_);
    void put16(unsigned offset, uint16_t value) REQUIRES(mutex_);
    // What was written into bytes first..last has these effects.
    void written(unsigned first, unsigned last) REQUIRES(mutex_);
    uint16_t ticks_left() const REQUIRES(mutex_);
    bool may_run() const REQUIRES(mutex_);
    void start() REQUIRES(mutex_);
    void stop() REQUIRES(mutex_);
    void time_passed();

    Clock& clock_;
    MachineRequests& requests_;
    const std::function<bool()> reboot_forbidden_;
    Mutex mutex_{LockRank::Device, "TCO timer"};
    std::array<uint8_t, kSize> bytes_ GUARDED_BY(mutex_) = {};
    bool running_ GUARDED_BY(mutex_) = false;
    int64_t ends_at_ GUARDED_BY(mutex_) = 0;
    unsigned timeouts_ GUARDED_BY(mutex_) = 0;  // since the last reload by the guest
    std::unique_ptr<Timer> timer_;
};

}  // namespace vmm
