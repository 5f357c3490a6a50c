// Sizes as users write them: "512M", "1.5G", "0x1000", "4096"; suffixes B K M G T P E, upper or lower case,
// powers of 1024.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace vmm {

// A number without a suffix is multiplied by default_unit (1 for most options, 1 MiB for -m).
Result<uint64_t> parse_size(std::string_view text, uint64_t default_unit = 1);
// The shortest exact form: 1073741824 -> "1 GiB", 5000 -> "5000 B".
std::string size_text(uint64_t bytes);

}  // namespace vmm
