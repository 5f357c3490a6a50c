// Base64 (RFC 4648, section 4), strictly: padding is there, nothing else is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace vmm {

std::string to_base64(std::span<const uint8_t> bytes);
// White space between and around the characters is ignored, as it is in files.
Result<std::vector<uint8_t>> from_base64(std::string_view text);

}  // namespace vmm
