// BootOrder: puts the order of boot devices into the CMOS, where firmware reads it: what -boot once= says
// until the first reset of the running machine, then the lasting order. Main thread.
#pragma once

#include "hw/core/machine_config.h"
#include "hw/i386/boot_codes.h"
#include "system/run/reset.h"

namespace vmm {

class Mc146818;

class BootOrder final : public Resettable {
  public:
    // The letters of the configuration are good. The clock, whose RAM it is, outlives this.
    BootOrder(const BootConfig& config, Mc146818& rtc);
    void reset_hold() override;

  private:
    void store(const BootCodes& codes);

    Mc146818& rtc_;
    const BootCodes lasting_;
    const bool floppy_check_;
    unsigned resets_left_;  // that leave the present order: the one before the first start, with once=
};

}  // namespace vmm
