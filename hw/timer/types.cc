// See types.h.
#include "hw/timer/types.h"

#include "hw/timer/i6300esb.h"

namespace vmm {

void register_timer_types(DeviceTypes& types) {
    types.add(device_type<I6300esb>());
}

}  // namespace vmm
