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

// The contents of fw_cfg's file "bios-geometry": a path, cylinders, heads and sectors a line; empty when no
// device has any.
std::vector<uint8_t> bios_geometry_file(const std::vector<const Device*>& devices);

}  // namespace vmm
