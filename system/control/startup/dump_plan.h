// What a dump of this machine says, gathered while the guest stands still. Main thread.
#pragma once

#include <memory>

#include "qapi/types_dump.h"
#include "system/control/dump/plan.h"

namespace vmm {

class MachineView;

// Refuses what does not go together, before anything is stopped.
Status check_dump(MachineView& view, const qapi::DumpGuestMemoryArguments& asked);
Result<dump::DumpPlan> plan_dump(MachineView& view, const qapi::DumpGuestMemoryArguments& asked);
// The machine's memory for as long as the board lives.
std::unique_ptr<dump::DumpMemory> memory_for_dump(MachineView& view);

}  // namespace vmm
