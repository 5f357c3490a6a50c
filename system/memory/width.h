// Fits guest accesses to what a device understands (IoSizes in region_ops.h): split, merged, widened or
// refused. Used by access.cc only.
#pragma once

#include <cstdint>
#include <span>

namespace vmm {

class IoOps;

// Whole runs of bytes at an offset of the device's region. False when any part was refused (its bytes read as
// all ones); the other parts still take place.
bool io_read(IoOps& ops, uint64_t offset, std::span<uint8_t> into);
bool io_write(IoOps& ops, uint64_t offset, std::span<const uint8_t> from);

}  // namespace vmm
