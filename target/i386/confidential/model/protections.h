// Every technology's model at once, for the model of the kernel. New technologies are added here.
#pragma once

#include "accel/model/kernel_model.h"
#include "accel/model/launch_record.h"
#include "target/i386/confidential/model/sev_model.h"
#include "target/i386/confidential/tdx/mrtd.h"

namespace vmm::model {

// The kernel gets protections for every VM type, and SEV's devices. All borrowed; the record may be null.
// The order is that of pages and their measurement in TDs.
void add_protections(KernelModel& kernel, const SevFirmware& firmware, LaunchRecord* record,
                     tdx::MrtdOrder order = tdx::MrtdOrder::Interleaved);

}  // namespace vmm::model
