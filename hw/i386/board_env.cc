// The one thing that the board's devices change of it.
#include "hw/i386/board_env.h"

namespace vmm {

Status BoardEnv::set_iommu(Iommu* iommu) {
    if (iommu != nullptr && iommu_ != nullptr) return Error::make("a machine has one IOMMU");
    if (iommu != nullptr && parts_.needs.access_platform)
        return Error::make("an IOMMU's tables would have to be in memory that is shared with the host");
    iommu_ = iommu;
    remaps_ = iommu != nullptr && iommu->describe().remaps_interrupts;
    parts_.connect_iommu(iommu);
    return {};
}

}  // namespace vmm
