// Small readers of /proc, /sys and /dev.
#pragma once

#include <optional>
#include <string>

#include "system/control/doctor/facts.h"

namespace vmm::doctor {

// At most 1 MiB of a file, which may be one of /proc whose size is not known; nothing if it cannot be read.
std::optional<std::string> read_text(const std::string& path);
// A compressed file's text, at most 4 MiB of it.
std::optional<std::string> read_gzip(const std::string& path);
// The root is put in front for the looking, not into the facts.
NodeFacts look_at_node(const std::string& root, const std::string& path);

}  // namespace vmm::doctor
