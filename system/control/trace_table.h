// Every trace event of the program, in one list made by scripts/tracegen.py; main registers it.
#pragma once

#include <span>

#include "util/trace.h"

namespace vmm {

std::span<TraceEvent* const> all_trace_events();

}  // namespace vmm
