// What of a command line a launch plan needs: the machine without the host's side of its devices.
#pragma once

#include "system/control/configuration.h"

namespace vmm {

// The same machine with back ends that reach nothing: disks without files (but the flash's, which are read),
// character devices that go nowhere, cards on hubs of their own, RAM without files; and no process to set up,
// no monitor, no quote service. A plan made of it opens no socket and makes no file.
Configuration planned_configuration(const Configuration& configuration);

}  // namespace vmm
