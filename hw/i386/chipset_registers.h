// The ICH9's chipset configuration registers: 16 KiB of memory that RCBA points at. Those that software looks
// for are here - interrupt pins of the chip's own slots, OIC, RTC and GCS; the others read as zero. ICH9
// datasheet, 10.1.
//
// The no-reboot bit of GCS holds the TCO watchdog back. Software can clear it unless the strap says so.
// Thread: any; one mutex of rank Device.
#pragma once

#include <array>
#include <cstdint>

#include "hw/i386/lpc_pirq.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class ChipsetRegisters final : public IoOps {
  public:
    static constexpr uint64_t kWindowSize = 16 * 1024;
    static constexpr unsigned kOtherInterruptControl = 0x31ff, kRtcConfig = 0x3400, kGeneralControl = 0x3410;

    static constexpr uint32_t kNoReboot = 1u << 5;  // in GCS

    // The router is borrowed and told of every change.
    ChipsetRegisters(PirqRouter& router, bool no_reboot_strap)
        : router_(router), no_reboot_strap_(no_reboot_strap) {
        reset();
    }

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 8, .implemented_max = 4}; }
    void reset();
    bool no_reboot();

    // Where DxxIR of a slot 25..31 is.
    static unsigned slot_route_offset(unsigned slot);

  private:
    uint8_t& byte(uint64_t offset) REQUIRES(mutex_) { return bytes_[offset - kFirst]; }
    void put(unsigned offset, uint32_t value, unsigned size) REQUIRES(mutex_);
    SlotRoutes slot_routes() REQUIRES(mutex_);
    void apply_strap() REQUIRES(mutex_);

    static constexpr uint64_t kFirst = 0x3100, kEnd = 0x3420;  // where any register is
    PirqRouter& router_;
    const bool no_reboot_strap_;
    Mutex mutex_{LockRank::Device, "chipset registers"};
    std::array<uint8_t, kEnd - kFirst> bytes_ GUARDED_BY(mutex_) = {};
};

}  // namespace vmm
