// DmaSpace: guest memory as a device may use it. Only RAM, and only what the guest shares: MMIO, holes, ROM
// (for writes) and private pages give a bus error, with nothing transferred beyond the good bytes before it.
// Each byte is copied once; what was read is judged in the copy, never in guest memory. Thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "system/memory/address.h"
#include "system/memory/address_space.h"
#include "util/endian.h"

namespace vmm {

class RamBlock;

// What stands between one device and memory.
class DmaTranslator {
  public:
    virtual ~DmaTranslator() = default;
    // Where the page that holds the address is for this device. Empty: nowhere. Any thread.
    virtual std::optional<Gpa> translate(Gpa address, bool write) = 0;
};

class DmaSpace {
  public:
    // Both outlive this; without a translator the device sees memory as it is.
    explicit DmaSpace(AddressSpace& space, DmaTranslator* translator = nullptr)
        : space_(space), translator_(translator) {}

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
    DmaTranslator* const translator_;
};

// DmaLookup: a DmaSpace for whoever accesses often (a virtqueue): it keeps its own reference to the view, so
// an access takes no lock, and it gives host addresses of memory that needs no copying. Not thread-safe.
class DmaLookup {
  public:
    enum class Direction { FromGuest, ToGuest };
    // The space outlives this.
    explicit DmaLookup(AddressSpace& space) : space_(space), lookup_(space) {}

    [[nodiscard]] bool read(Gpa address, std::span<uint8_t> into) {
        note_read(address, into.size());
        const Piece piece = direct(address, into.size(), Direction::FromGuest);
        if (piece.host == nullptr || piece.size != into.size()) return read_pieces(address, into);
        std::memcpy(into.data(), piece.host, into.size());
        return true;
    }
    [[nodiscard]] bool write(Gpa address, std::span<const uint8_t> from) {
        const Piece piece = direct(address, from.size(), Direction::ToGuest);
        if (piece.host == nullptr || piece.size != from.size()) return write_pieces(address, from);
        std::memcpy(piece.host, from.data(), from.size());
        return true;
    }

    // The memory itself, from the address on, up to `size` bytes (fewer where RAM ends). Null where a device
    // may not go, and where pages can turn private: those are only ever copied (docs/adr/0007). The bytes
    // stay where they are as long as the RAM block lives, which is longer than any request of a device.
    struct Piece {
        uint8_t* host = nullptr;
        size_t size = 0;
    };
    Piece direct(Gpa address, size_t size, Direction direction) {
        (void)lookup_.view();
        const uint64_t from = address - near_.first;
        if (near_.generation != lookup_.generation() || from > near_.last_offset ||
            (direction == Direction::ToGuest && !near_.writable)) [[unlikely]]
            return direct_elsewhere(address, size, direction);
        const uint64_t room = near_.last_offset - from;
        return {near_.host + from, room < size ? static_cast<size_t>(room) + 1 : size};
    }

    // For who reads through direct(): counted as read() is.
    void note_read(Gpa address, uint64_t size) const { space_.reads.note(address, size); }

    // Whether the memory map changed since the last call (or there was none): what direct() gave is then to
    // be asked for again.
    bool map_changed() {
        (void)lookup_.view();
        return lookup_.generation() != std::exchange(seen_, lookup_.generation());
    }

  private:
    // The RAM that direct() gave last.
    struct Near {
        uint64_t generation = 0;  // of the view; 0: none
        Gpa first = Gpa(0);
        uint64_t last_offset = 0;
        uint8_t* host = nullptr;
        bool writable = false;
    };
    Piece direct_elsewhere(Gpa address, size_t size, Direction direction);
    bool read_pieces(Gpa address, std::span<uint8_t> into);
    bool write_pieces(Gpa address, std::span<const uint8_t> from);

    AddressSpace& space_;
    AddressSpace::Lookup lookup_;
    Near near_;
    uint64_t seen_ = 0;
};

}  // namespace vmm
