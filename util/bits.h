// Register fields by position, as datasheets draw them: Bits<7, 4>::get(reg), Bits<3>::set(reg, 1). Header
// only.
#pragma once

#include <cstdint>

namespace vmm {

template <unsigned High, unsigned Low = High>
struct Bits {
    static_assert(High >= Low && High < 64);
    static constexpr unsigned kWidth = High - Low + 1;
    static constexpr uint64_t kMask = (kWidth == 64 ? ~uint64_t{0} : ((uint64_t{1} << kWidth) - 1)) << Low;

    static constexpr uint64_t get(uint64_t reg) { return (reg & kMask) >> Low; }
    static constexpr bool test(uint64_t reg) { return (reg & kMask) != 0; }
    // The register with this field replaced; excess bits of the value are dropped.
    static constexpr uint64_t with(uint64_t reg, uint64_t value) {
        return (reg & ~kMask) | ((value << Low) & kMask);
    }
    template <typename Reg>
    static constexpr void set(Reg& reg, uint64_t value) {
        reg = static_cast<Reg>(with(reg, value));
    }
    static constexpr uint64_t of(uint64_t value) { return with(0, value); }
};

constexpr uint64_t bit(unsigned n) {
    return uint64_t{1} << n;
}
// All ones in the low `bytes` bytes: what a read of nothing returns.
constexpr uint64_t all_ones(unsigned bytes) {
    return bytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * bytes)) - 1;
}

}  // namespace vmm
