// See types.h.
#include "hw/misc/types.h"

#include "hw/misc/edu.h"
#include "hw/misc/pc_testdev.h"
#include "hw/misc/pci_testdev.h"
#include "hw/misc/pvpanic.h"
#include "hw/misc/pvpanic_pci.h"
#include "hw/misc/vmcoreinfo.h"
#include "hw/misc/vmgenid.h"

namespace vmm {

void register_misc_types(DeviceTypes& types) {
    types.add(device_type<PvPanic>());
    types.add(device_type<PvPanicPci>());
    types.add(device_type<PciTestDev>());
    types.add(device_type<Edu>());
    types.add(device_type<PcTestDev>());
    types.add(device_type<VmCoreInfo>());
    types.add(device_type<VmGenId>());
}

}  // namespace vmm
