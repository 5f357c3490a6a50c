// DmaSpace: guest memory as a device may use it. Only RAM, and only what the guest shares: MMIO, holes, ROM
// (for writes) and private pages give a bus error, with nothing transferred beyond the good bytes before it.
// Each byte is copied once; what was read is judged in the copy, never in guest memory. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "system/memory/address.h"
#include "util/endian.h"

namespace vmm {

class AddressSpace;

class DmaSpace {
  public:
    // The space outlives this.
    explicit DmaSpace(AddressSpace& space) : space_(space) {}

    // False: a bus error. The device answers it as its specification says.
    [[nodiscard]] bool read(Gpa address, std::span<uint8_t> into) const;
    [[nodiscard]] bool write(Gpa address, std::span<const uint8_t> from) const;

    // A plain struct or number in guest byte order (use LeNumber members).
    template <typename T>
    requires std::is_trivially_copyable_v<T> std::optional<T> read(Gpa address)
    const {
        T value;
        if (!read(address, writable_bytes_of(value))) return std::nullopt;
        return value;
    }
    template <typename T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] bool write_value(Gpa address, const T& value) const {
        return write(address, bytes_of(value));
    }

    AddressSpace& space() const { return space_; }

  private:
    AddressSpace& space_;
};

}  // namespace vmm
