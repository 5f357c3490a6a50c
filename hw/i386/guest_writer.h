// GuestWriter: how boot code puts bytes into guest RAM. The board binds it to its RAM; tests to a vector.
#pragma once

#include <cstdint>
#include <span>

#include "util/result.h"

namespace vmm {

class GuestWriter {
  public:
    virtual ~GuestWriter() = default;
    // All bytes go to RAM at this guest-physical address; an error says which part is not RAM.
    virtual Status write(uint64_t gpa, std::span<const uint8_t> bytes) = 0;
    // The same with zeros. RAM that was never written may be left alone.
    virtual Status clear(uint64_t gpa, uint64_t size) = 0;
};

}  // namespace vmm
