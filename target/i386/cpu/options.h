// The text of -cpu: "MODEL[,name=value][,name][,+feature][,-feature]..." into a CpuRequest. Does not look at
// the host. Fuzzed: the text is a user's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "target/i386/cpu/policy.h"
#include "util/result.h"

namespace vmm {

// Errors are one line naming the part that is wrong and, for unknown names, the nearest known one.
// +feature and -feature are applied after all name=value parts, -feature last.
Result<CpuRequest> parse_cpu_option(std::string_view text);
// One property as -cpu, -global and QMP give it.
Status set_cpu_property(CpuRequest& request, std::string_view name, std::string_view value);
// Names of the properties that are not features ("check", "phys-bits", ...).
std::vector<std::string_view> cpu_property_names();

}  // namespace vmm
