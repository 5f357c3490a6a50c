// See types.h.
#include "hw/scsi/types.h"

#include "hw/core/device_type.h"
#include "hw/scsi/scsi_drives.h"

namespace vmm::scsi {

void register_types(DeviceTypes& types) {
    types.add(device_type<ScsiHd>());
    types.add(device_type<ScsiCd>());
}

}  // namespace vmm::scsi
