// The version that query-version and the greeting tell.
#pragma once

#include "qapi/types_control.h"

namespace vmm {

// The command set is that of QEMU 7.2, which is what clients decide by; "package" is this program's own
// version.
qapi::VersionInfo version_info();

}  // namespace vmm
