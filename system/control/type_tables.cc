// See type_tables.h.
#include "system/control/type_tables.h"

#include "hw/ata/types.h"
#include "hw/char/types.h"
#include "hw/i386/types.h"
#include "hw/iommu/types.h"
#include "hw/mem/pc_dimm.h"
#include "hw/misc/types.h"
#include "hw/pci/types.h"
#include "hw/scsi/types.h"
#include "hw/timer/types.h"
#include "hw/virtio/types.h"

namespace vmm {

DeviceTypes all_device_types() {
    DeviceTypes types;
    ata::register_types(types);
    register_char_types(types);
    register_i386_types(types);
    register_iommu_types(types);
    register_mem_types(types);
    register_misc_types(types);
    register_timer_types(types);
    pci::register_types(types);
    scsi::register_types(types);
    virtio::register_types(types);
    return types;
}

}  // namespace vmm
