// One line a kind of device.
#include "hw/virtio/types.h"

#include "hw/core/device_type.h"
#include "hw/virtio/blk.h"
#include "hw/virtio/rng.h"

namespace vmm::virtio {

void register_types(DeviceTypes& types) {
    types.add(device_type<BlkPci>());
    types.add(device_type<RngPci>());
}

}  // namespace vmm::virtio
