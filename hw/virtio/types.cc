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
#include "hw/virtio/variants.h"

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
    add_variants<BalloonPci>(types, "virtio-balloon-pci-transitional", "virtio-balloon-pci-non-transitional");
    add_variants<BlkPci>(types, "virtio-blk-pci-transitional", "virtio-blk-pci-non-transitional");
    add_variants<NetPci>(types, "virtio-net-pci-transitional", "virtio-net-pci-non-transitional");
    add_variants<RngPci>(types, "virtio-rng-pci-transitional", "virtio-rng-pci-non-transitional");
    add_variants<ScsiPci>(types, "virtio-scsi-pci-transitional", "virtio-scsi-pci-non-transitional");
    add_variants<SerialPci>(types, "virtio-serial-pci-transitional", "virtio-serial-pci-non-transitional");
    types.add(device_type<VirtSerialPort>());
    types.add(device_type<VirtConsole>());
}

}  // namespace vmm::virtio
