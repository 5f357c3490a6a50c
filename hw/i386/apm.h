// Advanced power management ports 0xb2 (control) and 0xb3 (status): two bytes by which the system speaks to
// firmware in system-management mode. There is none here, so the two commands that every ACPI system may give
// - take over from firmware, hand back - are answered by the chipset itself. ICH9 datasheet, 13.7.1.
// Thread: any; one mutex of rank Device, not held while the command is carried out.
#pragma once

#include <cstdint>

#include "hw/i386/lpc_pm.h"

namespace vmm {

inline constexpr uint16_t kApmPort = 0xb2;

class Apm final : public IoOps {
  public:
    // Commands, as the FADT would name them.
    static constexpr uint8_t kAcpiEnable = 2, kAcpiDisable = 3;

    explicit Apm(LpcPm& pm) : pm_(pm) {}  // borrowed
    MemoryRegion& region() { return region_; }

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 2, .implemented_max = 1}; }
    void reset();

  private:
    LpcPm& pm_;
    Mutex mutex_{LockRank::Device, "APM ports"};
    uint8_t control_ GUARDED_BY(mutex_) = 0;
    uint8_t status_ GUARDED_BY(mutex_) = 0;
    MemoryRegion region_ = MemoryRegion::io("apm-io", 2, *this);
};

}  // namespace vmm
