// The kinds of device of this folder, for -device: watchdogs.
#pragma once

namespace vmm {

class DeviceTypes;
void register_timer_types(DeviceTypes& types);

}  // namespace vmm
