// Versions; see version.h.
#include "system/control/qmp/version.h"

namespace vmm {

qapi::VersionInfo version_info() {
    return {.qemu = {.major = 7, .minor = 2, .micro = 0}, .package = "penumbra-" PENUMBRA_VERSION};
}

}  // namespace vmm
