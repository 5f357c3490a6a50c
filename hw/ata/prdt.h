// The physical region descriptor table of an AHCI command: where in guest memory its data are. Read once,
// with a bound on what is looked at; then data move by offset. AHCI 1.3.1, 4.2.3.3.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "system/memory/address.h"

namespace vmm {
class DmaSpace;
}

namespace vmm::ata {

class PrdTable {
  public:
    // No ATA command moves more; what lies behind is never read.
    static constexpr uint64_t kMostBytes = uint64_t{64} << 20;

    // False: the table itself cannot be read.
    bool load(const DmaSpace& dma, Gpa at, unsigned entries);
    void clear();

    uint64_t size() const { return size_; }  // bytes, at most kMostBytes and a bit
    // Within the table; false: a bus error, or not within.
    bool put(const DmaSpace& dma, uint64_t at, std::span<const uint8_t> from) const;
    bool get(const DmaSpace& dma, uint64_t at, std::span<uint8_t> into) const;

  private:
    struct Part {
        Gpa address;
        uint32_t length;
        uint64_t start;  // offset into the data
    };
    template <typename Copy>
    bool walk(uint64_t at, uint64_t length, Copy copy) const;

    std::vector<Part> parts_;
    uint64_t size_ = 0;
};

}  // namespace vmm::ata
