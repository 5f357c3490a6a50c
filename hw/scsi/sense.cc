// Sense data in its two formats; see sense.h.
#include "hw/scsi/sense.h"

#include <cstddef>

namespace vmm::scsi {

std::vector<uint8_t> sense_bytes(Sense sense, SenseFormat format) {
    const auto key = static_cast<uint8_t>(sense.key);
    if (format == SenseFormat::Descriptor) return {0x72, key, sense.code, sense.qualifier, 0, 0, 0, 0};
    constexpr size_t kFixedSize = 18;
    std::vector<uint8_t> out(kFixedSize);
    out[0] = 0x70;
    out[2] = key;
    out[7] = kFixedSize - 8;  // what follows this byte
    out[12] = sense.code;
    out[13] = sense.qualifier;
    return out;
}

}  // namespace vmm::scsi
