// Addresses and ranges of guest memory. Gpa: guest-physical address (or an I/O port, in the I/O address
// space); RamOffset: a place within one RamBlock; GmemOffset: a place within one guest_memfd. A range is
// never empty and never wraps: it is made by make(), which refuses both, or by of(), for ranges that are
// ours. Pure values, header only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "util/align.h"
#include "util/check.h"
#include "util/strong.h"

namespace vmm {

struct GpaTag;
struct RamOffsetTag;
struct GmemOffsetTag;
using Gpa = Strong<GpaTag>;
using RamOffset = Strong<RamOffsetTag>;
using GmemOffset = Strong<GmemOffsetTag>;

template <typename Address>
class AddressRange {
  public:
    // Empty when size is 0 or the range would pass the top of the address space.
    static constexpr std::optional<AddressRange> make(Address first, uint64_t size) {
        if (size == 0 || first.raw() + (size - 1) < first.raw()) return std::nullopt;
        return AddressRange(first, Address(first.raw() + (size - 1)));
    }
    // A range that must be good.
    static constexpr AddressRange of(Address first, uint64_t size) {
        std::optional<AddressRange> range = make(first, size);
        CHECK(range.has_value(), "range 0x%llx+0x%llx", static_cast<unsigned long long>(first.raw()),
              static_cast<unsigned long long>(size));
        return *range;
    }
    static constexpr AddressRange between(Address first, Address last) {
        CHECK(first <= last, "range ends before it starts");
        return AddressRange(first, last);
    }

    constexpr Address first() const { return first_; }
    constexpr Address last() const { return last_; }  // inclusive
    // 0 stands for 2^64 (the whole space).
    constexpr uint64_t size() const { return last_.raw() - first_.raw() + 1; }

    constexpr bool contains(Address a) const { return first_ <= a && a <= last_; }
    constexpr bool contains(AddressRange r) const { return first_ <= r.first_ && r.last_ <= last_; }
    constexpr bool overlaps(AddressRange r) const { return first_ <= r.last_ && r.first_ <= last_; }
    constexpr std::optional<AddressRange> intersect(AddressRange r) const {
        if (!overlaps(r)) return std::nullopt;
        return AddressRange(std::max(first_, r.first_), std::min(last_, r.last_));
    }
    constexpr bool aligned(uint64_t alignment) const {
        return is_aligned(first_.raw(), alignment) && is_aligned(last_.raw() + 1, alignment);
    }
    friend constexpr bool operator==(AddressRange, AddressRange) = default;

  private:
    constexpr AddressRange(Address first, Address last) : first_(first), last_(last) {}
    Address first_;
    Address last_;
};

using GpaRange = AddressRange<Gpa>;
using RamRange = AddressRange<RamOffset>;

}  // namespace vmm
