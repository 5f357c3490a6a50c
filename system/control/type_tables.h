// All kinds of device of this program, made by calling every folder's register function.
#pragma once

#include "hw/core/device_type.h"

namespace vmm {

DeviceTypes all_device_types();

}  // namespace vmm
