// What a device gives to be reached at addresses: reads and writes of 1, 2, 4 or 8 bytes at an offset in its
// region. Called from any vCPU thread, several at once: the device takes its own lock in the entry point,
// changes state, sets its own pins, lets go, and only then calls others. It never calls back into an address
// space from here.
#pragma once

#include <cstdint>

namespace vmm {

// Which accesses the device understands; powers of two. The dispatcher (width.h) does the rest: an access
// that is wider than accepted_max, or not aligned to its size while `unaligned` is false, is split into the
// largest ones that are; what is then narrower than accepted_min is refused: all ones (read) or nothing
// (write). Within that, read() and write() get implemented_min to implemented_max bytes, aligned (unless
// `unaligned`): wider accesses are split; narrower ones widened, where a write reads the rest of the register
// first. Values are little-endian numbers.
struct IoSizes {
    uint8_t accepted_min = 1;
    uint8_t accepted_max = 8;
    uint8_t implemented_min = 1;
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
