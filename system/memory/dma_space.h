// DmaSpace: guest memory as a device may use it. Only RAM, and only what the guest shares: MMIO, holes, ROM
// (for writes) and private pages give a bus error, with nothing transferred beyond the good bytes before it.
// Each byte is copied once; what was read is judged in the copy, never in guest memory. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "system/memory/address.h"
#include "system/memory/address_space.h"
#include "util/endian.h"

namespace vmm {

class RamBlock;

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

// DmaLookup: a DmaSpace for whoever accesses often (a virtqueue): it keeps its own reference to the view, so
// an access takes no lock, and it gives host addresses of memory that needs no copying. Not thread-safe.
class DmaLookup {
  public:
    enum class Direction { FromGuest, ToGuest };
    // The space outlives this.
    explicit DmaLookup(AddressSpace& space) : space_(space), lookup_(space) {}

    [[nodiscard]] bool read(Gpa address, std::span<uint8_t> into);
    [[nodiscard]] bool write(Gpa address, std::span<const uint8_t> from);

    // The memory itself, from the address on, up to `size` bytes (fewer where RAM ends). Null where a device
    // may not go, and where pages can turn private: those are only ever copied (docs/adr/0007). The bytes
    // stay where they are as long as the RAM block lives, which is longer than any request of a device.
    struct Piece {
        uint8_t* host = nullptr;
        size_t size = 0;
    };
    Piece direct(Gpa address, size_t size, Direction direction);

    // For who reads through direct(): counted as read() is.
    void note_read(Gpa address, uint64_t size) const { space_.reads.note(address, size); }

    // Whether the memory map changed since the last call (or there was none): what direct() gave is then to
    // be asked for again.
    bool map_changed() {
        (void)lookup_.view();
        return lookup_.generation() != std::exchange(seen_, lookup_.generation());
    }

  private:
    AddressSpace& space_;
    AddressSpace::Lookup lookup_;
    uint64_t seen_ = 0;
};

}  // namespace vmm
