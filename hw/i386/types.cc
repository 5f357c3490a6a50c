// See types.h.
#include "hw/i386/types.h"

#include "hw/i386/kernel_pit.h"
#include "hw/i386/lpc.h"
#include "hw/i386/mch.h"

namespace vmm {

void register_i386_types(DeviceTypes& types) {
    types.add(board_device_type<KernelPit>());
    types.add(board_device_type<Lpc>());
    types.add(board_device_type<Mch>());
}

}  // namespace vmm
