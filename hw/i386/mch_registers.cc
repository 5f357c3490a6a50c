// See mch_registers.h.
#include "hw/i386/mch_registers.h"

#include "util/align.h"
#include "util/bits.h"

namespace vmm {

namespace {

using BarEnable = Bits<0>;
using BarLength = Bits<2, 1>;  // 256, 128, 64 MiB, reserved
using TsegSize = Bits<2, 1>;   // 1, 2, 8 MiB, extended

constexpr uint64_t kAddressBits = Bits<35, 28>::kMask;
constexpr uint64_t kControlBits = BarLength::kMask | BarEnable::kMask;

uint64_t window_size(uint64_t pciexbar) {
    return 256 * kMiB >> BarLength::get(pciexbar);
}

bool length_is_reserved(uint64_t pciexbar) {
    return BarLength::get(pciexbar) == 3;
}

uint64_t tseg_size(uint8_t esmramc, uint64_t extended) {
    switch (TsegSize::get(esmramc)) {
        case 0:
            return kMiB;
        case 1:
            return 2 * kMiB;
        case 2:
            return 8 * kMiB;
        default:
            return extended;
    }
}

}  // namespace

uint64_t normalize_pciexbar(uint64_t value) {
    uint64_t address_bits = kAddressBits;
    if (!length_is_reserved(value)) address_bits |= Bits<27, 26>::kMask & ~(window_size(value) - 1);
    return value & (address_bits | kControlBits);
}

std::optional<GpaRange> ecam_window(uint64_t pciexbar) {
    const uint64_t value = normalize_pciexbar(pciexbar);
    if (!BarEnable::test(value) || length_is_reserved(value)) return std::nullopt;
    return GpaRange::make(Gpa(value & ~kControlBits), window_size(value));
}

SmramView smram_view(uint8_t smram, uint8_t esmramc, uint64_t extended_tseg_size) {
    if ((smram & mch::kEnable) == 0) return {};
    const bool open = (smram & mch::kOpen) != 0 && (smram & (mch::kLock | mch::kClosed)) == 0;
    const bool high = (esmramc & mch::kHigh) != 0;
    const bool tseg = (esmramc & mch::kTsegEnable) != 0;
    return {.legacy_is_ram = open && !high,
            .high_is_ram = open && high,
            .tseg_size = tseg && !open ? tseg_size(esmramc, extended_tseg_size) : 0};
}

}  // namespace vmm
