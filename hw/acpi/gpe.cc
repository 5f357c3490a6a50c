// See gpe.h.
#include "hw/acpi/gpe.h"

#include "util/bits.h"
#include "util/check.h"

namespace vmm::acpi {

uint32_t GpeBlock::load(unsigned offset) const {
    CHECK(offset < kBytes && offset % 4 == 0, "GPE block offset %u", offset);
    const uint64_t half = offset < 8 ? status_ : enable_;
    return static_cast<uint32_t>(half >> (offset % 8 * 8));
}

void GpeBlock::store(unsigned offset, uint32_t value, uint32_t lanes) {
    CHECK(offset < kBytes && offset % 4 == 0, "GPE block offset %u", offset);
    const unsigned shift = offset % 8 * 8;
    const uint64_t bits = uint64_t{value & lanes} << shift;
    if (offset < 8)
        status_ &= ~bits;
    else
        enable_ = (enable_ & ~(uint64_t{lanes} << shift)) | bits;
}

void GpeBlock::raise(unsigned event) {
    CHECK(event < kEvents, "general-purpose event %u", event);
    status_ |= bit(event);
}

}  // namespace vmm::acpi
