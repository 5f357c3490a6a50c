// Little- and big-endian numbers in byte buffers: load/store of any width, and struct members that are
// little-endian by type (Le16, Le32, Le64) whatever the host. Unaligned access is always allowed. Header
// only.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>

namespace vmm {

template <std::unsigned_integral T>
constexpr T swap_bytes(T v) {
    if constexpr (sizeof(T) == 1) return v;
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(v);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(v);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(v);
}
template <std::unsigned_integral T>
constexpr T to_le(T v) {
    return std::endian::native == std::endian::little ? v : swap_bytes(v);
}
template <std::unsigned_integral T>
constexpr T to_be(T v) {
    return std::endian::native == std::endian::big ? v : swap_bytes(v);
}

template <std::unsigned_integral T>
T load_le(const void* from) {
    T v;
    std::memcpy(&v, from, sizeof v);
    return to_le(v);
}
template <std::unsigned_integral T>
void store_le(void* to, T v) {
    v = to_le(v);
    std::memcpy(to, &v, sizeof v);
}
template <std::unsigned_integral T>
T load_be(const void* from) {
    T v;
    std::memcpy(&v, from, sizeof v);
    return to_be(v);
}
template <std::unsigned_integral T>
void store_be(void* to, T v) {
    v = to_be(v);
    std::memcpy(to, &v, sizeof v);
}

// A little-endian number of 1..8 bytes.
inline uint64_t load_le_sized(const void* from, unsigned bytes) {
    uint64_t v = 0;
    std::memcpy(&v, from, bytes);
    return to_le(v);
}
inline void store_le_sized(void* to, uint64_t v, unsigned bytes) {
    v = to_le(v);
    std::memcpy(to, &v, bytes);
}

// A little-endian member of an on-the-wire struct: no alignment, converts by itself.
template <std::unsigned_integral T>
class LeNumber {
  public:
    constexpr LeNumber() = default;
    constexpr LeNumber(T v) { *this = v; }
    constexpr LeNumber& operator=(T v) {
        bytes_ = std::bit_cast<Bytes>(to_le(v));
        return *this;
    }
    constexpr operator T() const { return to_le(std::bit_cast<T>(bytes_)); }

  private:
    using Bytes = std::array<uint8_t, sizeof(T)>;
    Bytes bytes_ = {};
};
using Le16 = LeNumber<uint16_t>;
using Le32 = LeNumber<uint32_t>;
using Le64 = LeNumber<uint64_t>;

// The bytes of a plain struct, for copying to and from guest memory or files.
template <typename T>
requires std::is_trivially_copyable_v<T> std::span<const uint8_t> bytes_of(const T& value) {
    return {static_cast<const uint8_t*>(static_cast<const void*>(&value)), sizeof value};
}
template <typename T>
requires std::is_trivially_copyable_v<T> std::span<uint8_t> writable_bytes_of(T& value) {
    return {static_cast<uint8_t*>(static_cast<void*>(&value)), sizeof value};
}

}  // namespace vmm
