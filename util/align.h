// Sizes and alignment: KiB/MiB/GiB, rounding to powers of two, overflow-checked sums and products. Header
// only.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

namespace vmm {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;
inline constexpr uint64_t kTiB = 1024 * kGiB;
inline constexpr uint64_t kPageSize = 4 * kKiB;

constexpr bool is_power_of_two(uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}
// The alignment is a power of two; align_up wraps at the top of the number range (check with
// checked_align_up).
constexpr uint64_t align_down(uint64_t n, uint64_t alignment) {
    return n & ~(alignment - 1);
}
constexpr uint64_t align_up(uint64_t n, uint64_t alignment) {
    return align_down(n + alignment - 1, alignment);
}
constexpr bool is_aligned(uint64_t n, uint64_t alignment) {
    return (n & (alignment - 1)) == 0;
}

template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) {
    T out;
    if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
    return out;
}
template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
    T out;
    if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
    return out;
}
constexpr std::optional<uint64_t> checked_align_up(uint64_t n, uint64_t alignment) {
    std::optional<uint64_t> sum = checked_add<uint64_t>(n, alignment - 1);
    if (!sum) return std::nullopt;
    return align_down(*sum, alignment);
}

}  // namespace vmm
