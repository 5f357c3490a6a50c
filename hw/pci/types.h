// The kinds of device of this folder, for -device: bridges and ports.
#pragma once

namespace vmm {

class DeviceTypes;

namespace pci {
void register_types(DeviceTypes& types);
}  // namespace pci
}  // namespace vmm
