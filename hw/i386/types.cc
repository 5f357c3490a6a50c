// See types.h.
#include "hw/i386/types.h"

#include "hw/i386/cpu_device.h"
#include "hw/i386/kernel_pit.h"
#include "hw/i386/lpc.h"
#include "hw/i386/mch.h"
#include "hw/i386/q35_host.h"
#include "target/i386/cpu/model.h"

namespace vmm {

void register_i386_types(DeviceTypes& types) {
    types.add(board_device_type<KernelPit>());
    types.add(board_device_type<Lpc>());
    types.add(board_device_type<Mch>());
    types.add(board_device_type<Q35Host>());
    types.add(board_device_type<FlashDefaults>());
    for (const std::string& model : cpu_model_names()) {
        DeviceType type = device_type<CpuDevice>();
        if (model == "host") type.info.parent = CpuDevice::kMaxType;
        types.add_named(cpu_type_name(model), type);
    }
}

}  // namespace vmm
