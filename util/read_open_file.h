// The contents of files that are open already; read_file() of util/fd.h is for those that have only a name.
#pragma once

#include <cstdint>
#include <vector>

#include "util/result.h"

namespace vmm {

// All of a file that was just opened, a pipe's or a device's to its end: at most `limit` bytes. The error
// does not name the file.
Result<std::vector<uint8_t>> read_open_file(int fd, uint64_t limit);

}  // namespace vmm
