// Base address registers: which region shows where. A BarSet belongs to one function; it gives the registers'
// write masks and moves the regions in the bus's address spaces when the guest writes an address or switches
// decoding. The function's lock guards it. PCI Local Bus 3.0, 6.2.5.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hw/pci/config_space.h"

namespace vmm {
class MemoryRegion;
class Topology;
}  // namespace vmm

namespace vmm::pci {

enum class BarKind { Io, Memory32, Memory64, Prefetchable64 };

// Where a bus's BARs appear. All borrowed.
struct Spaces {
    Topology& topology;
    MemoryRegion& memory;
    MemoryRegion& io;
};

class BarSet {
  public:
    static constexpr unsigned kCount = 6;

    // Sets the register's type bits and write mask. A 64-bit BAR takes index + 1 too.
    void add(ConfigSpace& config, unsigned index, BarKind kind, MemoryRegion& region);
    // Brings the map in line with the registers and the command register.
    void update(const ConfigSpace& config, const Spaces& spaces);
    // Takes everything off the map.
    void unmap_all(const Spaces& spaces);

    // Where the BAR's registers point, when that is a place it can decode.
    std::optional<uint64_t> decoded(const ConfigSpace& config, unsigned index) const;
    bool is_bar_register(unsigned offset, unsigned size) const {
        return offset < kBar0 + 4 * kCount && offset + size > kBar0;
    }

  private:
    struct Bar {
        BarKind kind = BarKind::Memory32;
        MemoryRegion* region = nullptr;
        std::optional<uint64_t> mapped_at;
    };
    std::array<Bar, kCount> bars_;
};

}  // namespace vmm::pci
