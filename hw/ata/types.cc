// See types.h.
#include "hw/ata/types.h"

#include "hw/ata/ich9_ahci.h"
#include "hw/ata/ide_drives.h"

namespace vmm::ata {

void register_types(DeviceTypes& types) {
    types.add(device_type<Ich9Ahci>());
    types.add(device_type<IdeHd>());
    types.add(device_type<IdeCd>());
}

}  // namespace vmm::ata
