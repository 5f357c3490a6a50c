// The program from its words to its exit status: reads the command line and runs the machine it describes, or
// prints what was asked for. Called by main(), which names the kernel; that is all that a main() is for.
#pragma once

#include <span>

#include "system/control/startup/host_kernel.h"

namespace vmm {

// words: the program's name first.
int run_program(std::span<const char* const> words, const HostKernel& kernel);

}  // namespace vmm
