// The IOMMUs that users can name.
#pragma once

namespace vmm {

class DeviceTypes;
void register_iommu_types(DeviceTypes& types);

}  // namespace vmm
