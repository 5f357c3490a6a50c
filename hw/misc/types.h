// The kinds of device of this folder, for -device.
#pragma once

namespace vmm {

class DeviceTypes;
void register_misc_types(DeviceTypes& types);

}  // namespace vmm
