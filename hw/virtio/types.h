// The virtio devices that users can name.
#pragma once

namespace vmm {
class DeviceTypes;
}

namespace vmm::virtio {

void register_types(DeviceTypes& types);

}  // namespace vmm::virtio
