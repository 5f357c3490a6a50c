// A UUID (RFC 4122) in big-endian byte order; SMBIOS and UEFI want the first three fields little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace vmm {

struct Uuid {
    std::array<uint8_t, 16> bytes = {};

    static Result<Uuid> parse(std::string_view text);
    std::string text() const;
    // Time-low, time-mid and time-high byte-swapped: the order in SMBIOS and EFI tables.
    std::array<uint8_t, 16> mixed_endian() const;
    bool operator==(const Uuid&) const = default;
};

}  // namespace vmm
