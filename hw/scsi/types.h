// The kinds of SCSI devices that users can name.
#pragma once

namespace vmm {
class DeviceTypes;
namespace scsi {
void register_types(DeviceTypes& types);
}
}  // namespace vmm
