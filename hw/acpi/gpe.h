// A block of 64 general-purpose events: status bits that writing one clears, and enable bits. Register access
// is by doubleword with lane masks (see pm_registers.h). State only: the owner drives the SCI. ACPI 6.4,
// 4.8.5.
#pragma once

#include <cstdint>

namespace vmm::acpi {

class GpeBlock {
  public:
    static constexpr unsigned kEvents = 64;
    static constexpr unsigned kBytes = 2 * kEvents / 8;  // status, then enable

    // Offset: 0, 4 (status), 8, 12 (enable).
    uint32_t load(unsigned offset) const;
    // Bits outside `lanes` are not written.
    void store(unsigned offset, uint32_t value, uint32_t lanes);

    void raise(unsigned event);
    // Some enabled event waits to be served.
    bool pending() const { return (status_ & enable_) != 0; }
    void reset() { status_ = enable_ = 0; }

  private:
    uint64_t status_ = 0;
    uint64_t enable_ = 0;
};

}  // namespace vmm::acpi
