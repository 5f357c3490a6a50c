// Where a PCI function sits: bus, device, function; and its texts "00:1f.2" and "1f.2". Pure values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace vmm::pci {

// Device and function in one byte, as on the wire.
struct DevFn {
    uint8_t device = 0;    // 0..31
    uint8_t function = 0;  // 0..7

    auto operator<=>(const DevFn&) const = default;
    constexpr uint8_t raw() const { return static_cast<uint8_t>(device << 3 | function); }
    static constexpr DevFn from_raw(uint8_t raw) {
        return {static_cast<uint8_t>(raw >> 3), static_cast<uint8_t>(raw & 7)};
    }
    // "1f.2"
    std::string text() const;
    // "1f.2" or "1f" (function 0), hexadecimal. The error says what would be right.
    static Result<DevFn> parse(std::string_view text);
};

struct Address {
    uint8_t bus = 0;
    DevFn devfn;

    auto operator<=>(const Address&) const = default;
    // The requester id.
    constexpr uint16_t raw() const { return static_cast<uint16_t>(bus << 8 | devfn.raw()); }
};

}  // namespace vmm::pci
