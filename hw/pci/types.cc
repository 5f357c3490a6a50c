// One line a kind of bridge.
#include "hw/pci/types.h"

#include "hw/core/device_type.h"
#include "hw/pci/conventional_bridges.h"
#include "hw/pci/root_port.h"
#include "hw/pci/switch.h"

namespace vmm::pci {

void register_types(DeviceTypes& types) {
    types.add(device_type<RootPort>());
    types.add(device_type<Ioh3420>());
    types.add(device_type<SwitchUpstream>());
    types.add(device_type<SwitchDownstream>());
    types.add(device_type<PciePciBridge>());
    types.add(device_type<PciBridge>());
    types.add(device_type<DmiBridge>());
}

}  // namespace vmm::pci
