// What a device gives to be reached at addresses: reads and writes of 1, 2, 4 or 8 bytes at an offset in its
// region. Called from any vCPU thread, several at once: the device takes its own lock in the entry point,
// changes state, sets its own pins, lets go, and only then calls others. It never calls back into an address
// space from here.
#pragma once

#include <cstdint>

namespace vmm {

// Which accesses the device understands; the dispatcher (access.cc, width.cc) splits and merges the others,
// and answers those outside `accepted_*` with all ones (read) or nothing (write). Values are little-endian
// numbers.
struct IoSizes {
    uint8_t accepted_min = 1;  // guest accesses outside are refused
    uint8_t accepted_max = 8;
    uint8_t implemented_min = 1;  // what read()/write() get; others are split or widened
    uint8_t implemented_max = 4;
    bool unaligned = false;
};

class IoOps {
  public:
    virtual ~IoOps() = default;
    virtual uint64_t read(uint64_t offset, unsigned size) = 0;
    virtual void write(uint64_t offset, uint64_t value, unsigned size) = 0;
    virtual IoSizes sizes() const { return {}; }
};

}  // namespace vmm
