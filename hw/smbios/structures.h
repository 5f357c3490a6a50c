// SMBIOS structures as bytes (DMTF DSP0134 3.4): a formatted area, then its strings. Called by tables.cc.
// Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vmm::smbios {

// One structure under construction. Strings are numbered from 1 as they are added; an empty one is number 0.
class Structure {
  public:
    Structure(uint8_t type, uint16_t handle);
    Structure& u8(uint8_t v) { return number(v, 1); }
    Structure& u16(uint16_t v) { return number(v, 2); }
    Structure& u32(uint32_t v) { return number(v, 4); }
    Structure& u64(uint64_t v) { return number(v, 8); }
    Structure& raw(std::span<const uint8_t> bytes);
    Structure& text(std::string_view string);
    // A string that no byte of the formatted area names.
    Structure& note(std::string_view string);
    // The formatted area with its length, the strings and the terminator.
    std::vector<uint8_t> finish() const;

  private:
    Structure& number(uint64_t v, unsigned width);
    std::vector<uint8_t> area_;
    std::vector<std::string> strings_;
};

}  // namespace vmm::smbios
