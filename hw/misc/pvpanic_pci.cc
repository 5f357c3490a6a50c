// See pvpanic_pci.h.
#include "hw/misc/pvpanic_pci.h"

#include "system/memory/topology.h"

namespace vmm {

Result<std::unique_ptr<PvPanicPci>> PvPanicPci::create(const Config& values, DeviceEnv& env,
                                                       const std::string& id) {
    return std::make_unique<PvPanicPci>(Token{}, values, env, id);
}

PvPanicPci::PvPanicPci(Token, const Config& values, DeviceEnv& env, const std::string& id)
    : Function({.vendor = pci::kRedHatVendor,
                .device = 0x0011,
                .class_code = 0x088000,
                .revision = 1,
                .subsystem_vendor = 0x1af4,
                .subsystem = 0x1100},
               values, id),
      port_({.events = values.events}, env.requests()),
      byte_(MemoryRegion::io("pvpanic-pci-byte", PvPanic::kSize, port_)) {
    env.topology().add(bar_, byte_, 0);
    add_bar(0, pci::BarKind::Memory32, bar_);
    freeze();
}

}  // namespace vmm
