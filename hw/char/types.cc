// See types.h.
#include "hw/char/types.h"

#include "hw/char/debug_exit.h"
#include "hw/char/debugcon.h"
#include "hw/char/serial_isa.h"

namespace vmm {

void register_char_types(DeviceTypes& types) {
    types.add(device_type<DebugCon>());
    types.add(device_type<DebugExit>());
    types.add(device_type<SerialIsa>());
}

}  // namespace vmm
