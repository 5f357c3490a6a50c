// One line a kind of device.
#include "hw/virtio/types.h"

#include "hw/core/device_type.h"
#include "hw/virtio/balloon.h"
#include "hw/virtio/blk.h"
#include "hw/virtio/input.h"
#include "hw/virtio/net.h"
#include "hw/virtio/rng.h"
#include "hw/virtio/scsi.h"
#include "hw/virtio/serial.h"
#include "hw/virtio/serial_port.h"

namespace vmm::virtio {

void register_types(DeviceTypes& types) {
    types.add(device_type<BalloonPci>());
    types.add(device_type<BlkPci>());
    types.add(device_type<InputPci<InputKind::Keyboard>>());
    types.add(device_type<InputPci<InputKind::Mouse>>());
    types.add(device_type<InputPci<InputKind::Tablet>>());
    types.add(device_type<NetPci>());
    types.add(device_type<RngPci>());
    types.add(device_type<ScsiPci>());
    types.add(device_type<SerialPci>());
    types.add(device_type<VirtSerialPort>());
    types.add(device_type<VirtConsole>());
}

}  // namespace vmm::virtio
