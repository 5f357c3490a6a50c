// The ICH9's power management I/O: 128 ports at PMBASE with the fixed ACPI registers, the general-purpose
// events and the SMI registers, the SCI that they raise, and the way to power-off. ICH9 datasheet, 13.8.3.
//
// Missing: SMIs (nobody raises one; SMI_STS reads as zero), sleep states but soft-off, wake-up, GPIO events.
//
// Thread: any; one mutex of rank Device. The SCI line is set under it, power-off is asked for without it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "hw/acpi/gpe.h"
#include "hw/acpi/pm_registers.h"
#include "hw/i386/tco.h"
#include "system/clock/clock.h"
#include "system/irq/line.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class MachineRequests;
class Topology;

class LpcPm final : public IoOps {
  public:
    // Offsets from PMBASE.
    static constexpr unsigned kWindowSize = 128;
    static constexpr unsigned kGpe0 = 0x20, kSmiEnable = 0x30, kSmiStatus = 0x34, kTco = 0x60;

    // All borrowed; the SCI is a line to the PIRQ router. `reboot_forbidden` is asked by the watchdog.
    LpcPm(acpi::AcpiMode mode, Topology& topology, MemoryRegion& io_root, Clock& clock,
          MachineRequests& requests, IrqLine sci, std::function<bool()> reboot_forbidden);

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 4, .implemented_max = 4}; }

    // The base register: where the window shows; empty: nowhere.
    void place(std::optional<uint16_t> base);
    // The configuration register's lock of the global SMI enable.
    void lock_smi(bool locked) { smi_locked_.store(locked, std::memory_order_relaxed); }
    // From the APM control port.
    void set_acpi_mode(bool on);

    // Sleep type 1 (S3) is heeded from here on. Main thread, before the guest runs.
    void allow_sleep() { can_sleep_ = true; }
    // The next reset is the wake-up: the guest finds its cause in the status register.
    void prepare_wake();
    // The clock's alarm, which wakes a sleeper that wants it. Any thread, no lock of rank Device held.
    void rtc_alarm();

    // From QMP, any thread. False when the guest does not listen.
    bool press_power_button();
    // From hot-plug controllers: any thread, with no lock of rank Device or below held.
    void raise_gpe(unsigned event);

    // State, then pin and timer.
    void reset_enter();
    void reset_hold();

  private:
    uint32_t load(unsigned offset) REQUIRES(mutex_);
    std::optional<unsigned> store(unsigned offset, uint32_t value, uint32_t lanes) REQUIRES(mutex_);
    void store_smi_enable(uint32_t value, uint32_t lanes) REQUIRES(mutex_);
    void update() REQUIRES(mutex_);
    void sleep(unsigned type);
    void time_passed();

    const acpi::AcpiMode mode_;
    Topology& topology_;
    MachineRequests& requests_;
    const IrqLine sci_;
    std::atomic<bool> smi_locked_{false};
    Mutex mutex_{LockRank::Device, "ICH9 power management"};
    acpi::PmRegisters pm_ GUARDED_BY(mutex_);
    acpi::GpeBlock gpe_ GUARDED_BY(mutex_);
    uint32_t smi_enable_ GUARDED_BY(mutex_) = 0;
    bool can_sleep_ = false;
    bool asleep_ GUARDED_BY(mutex_) = false;
    bool waking_ GUARDED_BY(mutex_) = false;
    uint32_t woken_by_ GUARDED_BY(mutex_) = 0;  // bits of the PM1 status
    MemoryRegion window_ = MemoryRegion::io("acpi-pm", kWindowSize, *this);
    std::unique_ptr<Timer> timer_;
    Tco tco_;
};

}  // namespace vmm
