// See types.h.
#include "hw/iommu/types.h"

#include "hw/iommu/intel_iommu.h"

namespace vmm {

void register_iommu_types(DeviceTypes& types) {
    types.add(device_type<IntelIommu>());
}

}  // namespace vmm
