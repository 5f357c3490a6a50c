// Configuration bytes with masks, and the capability chain through them.
#include "hw/pci/config_space.h"

#include <algorithm>

#include "util/align.h"
#include "util/bits.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::pci {

ConfigSpace::ConfigSpace(unsigned size) : bytes_(size), writable_(size), clears_(size), reset_(size) {
    CHECK(size == kConventionalSize || size == kExpressSize, "configuration space of %u bytes", size);
}

uint32_t ConfigSpace::load(unsigned offset, unsigned size) const {
    CHECK(size <= 4 && offset + size <= bytes_.size(), "configuration read at 0x%x+%u", offset, size);
    return static_cast<uint32_t>(load_le_sized(&bytes_[offset], size));
}

void ConfigSpace::set(unsigned offset, uint32_t value, unsigned size) {
    CHECK(size <= 4 && offset + size <= bytes_.size(), "configuration set at 0x%x+%u", offset, size);
    store_le_sized(&bytes_[offset], value, size);
}

void ConfigSpace::set_writable(unsigned offset, uint32_t mask, unsigned size) {
    CHECK(size <= 4 && offset + size <= bytes_.size(), "configuration mask at 0x%x+%u", offset, size);
    store_le_sized(&writable_[offset], mask, size);
}

void ConfigSpace::set_write_one_clears(unsigned offset, uint32_t mask, unsigned size) {
    CHECK(size <= 4 && offset + size <= bytes_.size(), "configuration mask at 0x%x+%u", offset, size);
    store_le_sized(&clears_[offset], mask, size);
}

void ConfigSpace::write(unsigned offset, uint32_t value, unsigned size) {
    CHECK(size <= 4 && offset + size <= bytes_.size(), "configuration write at 0x%x+%u", offset, size);
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = offset + i;
        const unsigned byte = value >> (8 * i) & 0xff;
        const unsigned kept = bytes_[at] & ~writable_[at] & ~(clears_[at] & byte);
        bytes_[at] = static_cast<uint8_t>(kept | (byte & writable_[at] & ~clears_[at]));
    }
}

unsigned ConfigSpace::add_capability(uint8_t id, unsigned size, std::optional<unsigned> offset) {
    const unsigned at = offset.value_or(static_cast<unsigned>(align_up(capabilities_end_, 4)));
    CHECK(at >= 0x40 && at % 4 == 0 && at + size <= kConventionalSize, "capability 0x%x at 0x%x+%u", id, at,
          size);
    bytes_[at] = id;
    bytes_[at + 1] = bytes_[kCapabilities];
    bytes_[kCapabilities] = static_cast<uint8_t>(at);
    set16(kStatus, load16(kStatus) | kStatusCapabilities);
    capabilities_end_ = std::max(capabilities_end_, at + size);
    return at;
}

unsigned ConfigSpace::find_capability(uint8_t id) const {
    for (unsigned at = bytes_[kCapabilities]; at != 0; at = bytes_[at + 1])
        if (bytes_[at] == id) return at;
    return 0;
}

void ConfigSpace::add_extended_capability(uint16_t id, uint8_t version, unsigned offset, unsigned size) {
    CHECK(offset >= 0x100 && offset % 4 == 0 && offset + size <= bytes_.size(), "extended capability 0x%x",
          id);
    CHECK(last_extended_ != 0 || offset == 0x100, "the first extended capability is at 0x100");
    if (last_extended_ != 0) set32(last_extended_, load32(last_extended_) | offset << 20);
    set32(offset, id | uint32_t{version} << 16);
    last_extended_ = offset;
}

}  // namespace vmm::pci
