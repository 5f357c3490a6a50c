// The TD HOB: the list in which the VMM tells the firmware of a TD about its memory (UEFI PI 1.7, volume 3,
// chapter 5; TDVF Design Guide, chapter 8). The firmware measures the list up to its end marker, so its bytes
// are a promise that tests pin. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "target/i386/confidential/tdx/tdvf.h"
#include "util/result.h"

namespace vmm::tdx {

struct RamRange {
    uint64_t base = 0;
    uint64_t size = 0;
};

// A piece of RAM as the HOB lists it.
struct HobRange {
    uint64_t base = 0;
    uint64_t size = 0;
    bool accepted = false;  // its pages are part of the TD already
    bool operator==(const HobRange&) const = default;
};

// RAM cut at the sections that are added to the TD before it starts. Fails when such a section does not lie
// in RAM.
Result<std::vector<HobRange>> divide_ram(std::span<const RamRange> ram, const Tdvf& firmware);

// A kernel that the VMM put into the Payload section, which td-shim wants to be told of.
enum class HobPayload : uint8_t { None, BzImage };

// The list for a HOB section at `gpa` of `room` bytes.
Result<std::vector<uint8_t>> build_td_hob(uint64_t gpa, uint64_t room, std::span<const HobRange> ranges,
                                          HobPayload payload = HobPayload::None);

// How much of a list the firmware measures: everything before the end marker.
inline constexpr size_t kHobEndSize = 8;

}  // namespace vmm::tdx
