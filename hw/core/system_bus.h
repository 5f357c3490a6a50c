// SystemBus: the place of devices that sit on no bus of the guest's (vmgenid, vmcoreinfo): they ask the
// machine for what they need by themselves. Main thread. Header only.
#pragma once

#include "hw/core/bus.h"

namespace vmm {

class SystemBus final : public DeviceBus {
  public:
    SystemBus() : DeviceBus("main-system-bus", "System") {}

  private:
    Status plug_in(Device&) override { return {}; }
    void take_out(Device&) override {}
};

}  // namespace vmm
