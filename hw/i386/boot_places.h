// Finds room in guest RAM for what a boot loader brings. Called by linux_boot, pvh_boot, fw_cfg_x86. Pure.
#pragma once

#include <cstdint>

#include "hw/i386/e820.h"
#include "util/result.h"

namespace vmm {

// The highest page-aligned place for `size` bytes within `room`, ending at or below `last_allowed` and not
// touching `taken`. `what` is named in the error, with sizes.
Result<uint64_t> place_high(BootRange room, uint64_t last_allowed, BootRange taken, uint64_t size,
                            const char* what);

}  // namespace vmm
