// One refcount in a refcount block: 1 to 64 bits wide, big-endian, narrower ones from the least significant
// bit up. Pure; header only. Spec: qcow2, "Refcount block entry".
#pragma once

#include <cstdint>

#include "util/endian.h"

namespace vmm::qcow2 {

inline uint64_t refcount_field(const uint8_t* block, uint64_t index, unsigned order) {
    if (order == 6) return load_be<uint64_t>(block + index * 8);
    if (order == 5) return load_be<uint32_t>(block + index * 4);
    if (order == 4) return load_be<uint16_t>(block + index * 2);
    if (order == 3) return block[index];
    unsigned per_byte_shift = 3 - order;
    unsigned shift = static_cast<unsigned>(index & ((1u << per_byte_shift) - 1)) << order;
    return (block[index >> per_byte_shift] >> shift) & ((1u << (1u << order)) - 1);
}

// The value fits the width.
inline void set_refcount_field(uint8_t* block, uint64_t index, unsigned order, uint64_t value) {
    if (order == 6) return store_be<uint64_t>(block + index * 8, value);
    if (order == 5) return store_be<uint32_t>(block + index * 4, static_cast<uint32_t>(value));
    if (order == 4) return store_be<uint16_t>(block + index * 2, static_cast<uint16_t>(value));
    if (order == 3) {
        block[index] = static_cast<uint8_t>(value);
        return;
    }
    unsigned per_byte_shift = 3 - order;
    unsigned shift = static_cast<unsigned>(index & ((1u << per_byte_shift) - 1)) << order;
    unsigned mask = ((1u << (1u << order)) - 1) << shift;
    uint8_t& byte = block[index >> per_byte_shift];
    byte = static_cast<uint8_t>((byte & ~mask) | (value << shift));
}

// The bytes [first, last] that hold a field, for tracking what changed.
constexpr uint64_t refcount_field_byte(uint64_t index, unsigned order) {
    return order >= 3 ? index << (order - 3) : index >> (3 - order);
}

}  // namespace vmm::qcow2
