// The kinds of device of this folder that users can name.
#pragma once

namespace vmm {

class DeviceTypes;
void register_char_types(DeviceTypes& types);

}  // namespace vmm
