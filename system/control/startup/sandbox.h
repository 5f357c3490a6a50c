// -sandbox: a filter of system calls for the whole process and every thread that it makes from now on. A call
// of a denied group ends the process (SIGSYS).
#pragma once

#include "system/control/configuration.h"
#include "util/result.h"

namespace vmm {

// Cannot be undone. Called before the first thread is made.
Status enter_sandbox(const SandboxConfig& config);

}  // namespace vmm
