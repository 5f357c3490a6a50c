// The order in which firmware tries devices: every device with a bootindex, by Open Firmware path; the
// contents of fw_cfg's file "bootorder". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw/core/bus.h"
#include "util/result.h"

namespace vmm {

// One path a line, lowest bootindex first, a NUL at the end; empty when no device has one. `strict`: nothing
// else is tried. Refuses an index that two devices have.
Result<std::vector<uint8_t>> boot_order_file(const std::vector<const Device*>& devices, bool strict);

}  // namespace vmm
