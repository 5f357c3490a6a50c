// The registration of the commands for people that look into the machine. Called once, at start; what they
// are given outlives the table.
#pragma once

#include "hw/core/device_type.h"
#include "system/control/hmp/table.h"

namespace vmm {

class MachineView;

// info qtree, qom-tree, mtree, numa; device_add, device_del, xp.
void register_human_commands(HmpTable& table, MachineView& view, const DeviceTypes& types);

}  // namespace vmm
