// Reads and writes of any length over a flat view: RAM is copied, I/O goes to its device in accesses the
// device takes (width.h), what nothing answers reads as all ones. For AddressSpace and its Lookup; others
// call those.
#pragma once

#include <cstdint>
#include <span>

#include "system/memory/flat_view.h"

namespace vmm {

// What became of an access; of several parts, the worst.
enum class AccessResult : uint8_t {
    Ok,
    Refused,     // a device does not take this width there
    Unassigned,  // nothing answers there
};

AccessResult read_view(const FlatView& view, Gpa address, std::span<uint8_t> into);
AccessResult write_view(const FlatView& view, Gpa address, std::span<const uint8_t> from);

// 1 to 8 bytes; `section` is what view.find(address) gave. An aligned access of 1, 2, 4 or 8 bytes to RAM is
// one access to host memory.
uint64_t load_view(const FlatView& view, const FlatSection* section, Gpa address, unsigned size);
void store_view(const FlatView& view, const FlatSection* section, Gpa address, uint64_t value, unsigned size);

}  // namespace vmm
