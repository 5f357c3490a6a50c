// I6300esb (i6300esb): the watchdog of Intel's 6300ESB I/O hub, PCI function 8086:25ab: two stages of up to
// 20 bits that count 1 kHz or 1 MHz ticks; the second ends in the machine's watchdog action. Registers that
// feed it are behind an unlock sequence. Intel 6300ESB datasheet, chapter 16.
//
// Missing: what the first stage's end can raise (an interrupt or SMI).
// Thread: any; the function's mutex guards all; the action is asked for with no lock held.
#pragma once

#include <memory>
#include <string>

#include "hw/core/device_type.h"
#include "hw/pci/function.h"
#include "hw/pci/function_config.h"
#include "system/clock/clock.h"
#include "system/memory/region_ops.h"

namespace vmm {

class MachineRequests;

class I6300esb final : public pci::Function, public IoOps {
    struct Token {};

  public:
    using Config = pci::FunctionConfig;
    static constexpr auto kProps = pci::function_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "i6300esb",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "Intel 6300ESB",
                                         .category = DeviceCategory::Watchdog};
    static Result<std::unique_ptr<I6300esb>> create(const Config& values, DeviceEnv& env,
                                                    const std::string& id);
    I6300esb(Token, const Config& values, DeviceEnv& env, const std::string& id);
    std::string_view type() const override { return kInfo.name; }

    // Configuration space.
    static constexpr unsigned kConfigRegister = 0x60, kLockRegister = 0x68;
    static constexpr uint16_t kFastClock = 1u << 2, kNoReboot = 1u << 5;
    static constexpr uint8_t kLocked = 1u << 0, kEnable = 1u << 1, kFreeRun = 1u << 2;
    // The BAR.
    static constexpr unsigned kPreload1 = 0x0, kPreload2 = 0x4, kInterruptStatus = 0x8, kReload = 0xc;
    static constexpr uint16_t kReloadBit = 1u << 8, kTimeoutBit = 1u << 9;

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 4, .implemented_max = 4}; }
    void reset_enter() override;
    void reset_hold() override;

  private:
    void config_changed(unsigned offset, unsigned size) override;
    void set_up_registers() REQUIRES(mutex());
    void start(unsigned stage) REQUIRES(mutex());
    void stop() REQUIRES(mutex());
    int64_t length_ns(unsigned stage) REQUIRES(mutex());
    void time_passed();

    enum class Unlock { None, First, Open };

    Clock& clock_;
    MachineRequests& requests_;
    MemoryRegion bar_ = MemoryRegion::io("i6300esb", 0x10, *this);
    uint32_t preload_[2] GUARDED_BY(mutex()) = {};
    Unlock unlock_ GUARDED_BY(mutex()) = Unlock::None;
    unsigned stage_ GUARDED_BY(mutex()) = 0;  // 0: it does not run
    bool was_enabled_ GUARDED_BY(mutex()) = false;
    int64_t ends_at_ GUARDED_BY(mutex()) = 0;
    bool timed_out_ GUARDED_BY(mutex()) = false;  // lives through resets
    std::unique_ptr<Timer> timer_;
};

}  // namespace vmm
