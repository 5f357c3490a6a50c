// The q35's own devices whose properties users can set (-global), and the processors that are plugged in.
#pragma once

namespace vmm {

class DeviceTypes;
void register_i386_types(DeviceTypes& types);

}  // namespace vmm
