// The kinds of ATA devices that users can name.
#pragma once

namespace vmm {
class DeviceTypes;
namespace ata {
void register_types(DeviceTypes& types);
}
}  // namespace vmm
