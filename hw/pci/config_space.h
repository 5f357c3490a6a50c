// ConfigSpace: the bytes of one function's configuration space and what a guest may do to each bit: nothing
// (the default), write it, or clear it by writing one. Little-endian; accesses of 1, 2 or 4 bytes at any
// offset within the space, never across its end (the bus sees to that). No lock: the function's own guards
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/pci/ids.h"

namespace vmm::pci {

class ConfigSpace {
  public:
    explicit ConfigSpace(unsigned size);

    unsigned size() const { return static_cast<unsigned>(bytes_.size()); }
    uint32_t load(unsigned offset, unsigned size) const;
    uint8_t load8(unsigned offset) const { return static_cast<uint8_t>(load(offset, 1)); }
    uint16_t load16(unsigned offset) const { return static_cast<uint16_t>(load(offset, 2)); }
    uint32_t load32(unsigned offset) const { return load(offset, 4); }

    // What the device itself puts there, whatever the masks say.
    void set(unsigned offset, uint32_t value, unsigned size);
    void set8(unsigned offset, uint8_t value) { set(offset, value, 1); }
    void set16(unsigned offset, uint16_t value) { set(offset, value, 2); }
    void set32(unsigned offset, uint32_t value) { set(offset, value, 4); }

    // Bits a guest may write, and bits it clears by writing one; both replace what was said before.
    void set_writable(unsigned offset, uint32_t mask, unsigned size);
    void set_write_one_clears(unsigned offset, uint32_t mask, unsigned size);

    // The guest's write.
    void write(unsigned offset, uint32_t value, unsigned size);

    // Remembers the present bytes as those after a reset; reset() brings them back.
    void freeze_reset_values() { reset_ = bytes_; }
    void reset() { bytes_ = reset_; }

    // Chains a capability of `size` bytes (with its 2-byte header) into the list; at `offset`, or after the
    // last one when empty. Returns its offset. Our own layout: CHECKs that it fits.
    unsigned add_capability(uint8_t id, unsigned size, std::optional<unsigned> offset = {});
    // The offset of the first capability of that id; 0 when there is none.
    unsigned find_capability(uint8_t id) const;
    // Extended capability (offset 0x100 and above).
    void add_extended_capability(uint16_t id, uint8_t version, unsigned offset, unsigned size);

  private:
    std::vector<uint8_t> bytes_, writable_, clears_, reset_;
    unsigned capabilities_end_ = 0x40;
    unsigned last_extended_ = 0;
};

}  // namespace vmm::pci
