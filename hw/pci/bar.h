// Base address registers: which region shows where. A BarSet belongs to one function; it gives the registers'
// write masks and moves the regions in the bus's address spaces when the guest writes an address or switches
// decoding. The function's lock guards it. PCI Local Bus 3.0, 6.2.5.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "hw/pci/config_space.h"

namespace vmm {
class MemoryRegion;
class Topology;
}  // namespace vmm

namespace vmm::pci {

enum class BarKind { Io, Memory32, Memory64, Prefetchable64, Rom };

// Where a bus's BARs appear. All borrowed.
struct Spaces {
    Topology& topology;
    MemoryRegion& memory;
    MemoryRegion& io;
};

class BarSet {
  public:
    static constexpr unsigned kMost = 6, kOfBridge = 2;

    // A bridge has two registers, and the one of its expansion ROM elsewhere.
    explicit BarSet(bool bridge)
        : count_(bridge ? kOfBridge : kMost), rom_register_(bridge ? kBridgeExpansionRom : kExpansionRom) {}

    // Sets the register's type bits and write mask. A 64-bit BAR takes index + 1 too.
    void add(ConfigSpace& config, unsigned index, BarKind kind, MemoryRegion& region);
    // The expansion ROM: a power of two of at least 2 KiB.
    void add_rom(ConfigSpace& config, MemoryRegion& region);
    // Brings the map in line with the registers and the command register.
    void update(const ConfigSpace& config, const Spaces& spaces);
    // Takes everything off the map.
    void unmap_all(const Spaces& spaces);

    // Where the BAR's registers point, when that is a place it can decode.
    std::optional<uint64_t> decoded(const ConfigSpace& config, unsigned index) const;
    // What is behind the registers, and where it shows now.
    struct Info {
        unsigned index;  // kMost: the expansion ROM
        BarKind kind;
        uint64_t size;
        std::optional<uint64_t> mapped_at;
    };
    std::vector<Info> list() const;
    bool is_bar_register(unsigned offset, unsigned size) const {
        return (offset < kBar0 + 4 * count_ && offset + size > kBar0) ||
               (offset < rom_register_ + 4 && offset + size > rom_register_);
    }

  private:
    static constexpr unsigned kRom = kMost;  // the index of the expansion ROM
    unsigned register_of(unsigned index) const { return index == kRom ? rom_register_ : kBar0 + 4 * index; }

    struct Bar {
        BarKind kind = BarKind::Memory32;
        MemoryRegion* region = nullptr;
        std::optional<uint64_t> mapped_at;
    };
    const unsigned count_;
    const unsigned rom_register_;
    std::array<Bar, kMost + 1> bars_;
};

}  // namespace vmm::pci
