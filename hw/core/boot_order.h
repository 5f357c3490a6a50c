// The order in which firmware tries devices: every device with a bootindex, by Open Firmware path; what
// fw_cfg's file "bootorder" lists. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hw/core/bus.h"
#include "util/result.h"

namespace vmm {

// Lowest bootindex first. Refuses an index that two devices have.
// `others` are paths of what is no device, by their index.
Result<std::vector<std::string>> boot_paths(const std::vector<const Device*>& devices,
                                            const std::vector<std::pair<int32_t, std::string>>& others = {});

// The contents of fw_cfg's file "bios-geometry": a path, cylinders, heads and sectors a line; empty when no
// device has any.
std::vector<uint8_t> bios_geometry_file(const std::vector<const Device*>& devices);

}  // namespace vmm
