// What most devices do not have; see device.h.
#include "hw/core/device.h"

#include "qom/node.h"

namespace vmm {

std::vector<QomProperty> Device::live_properties() {
    return {};
}

}  // namespace vmm
