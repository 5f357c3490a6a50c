// Devices' view of guest memory; see dma_space.h.
#include "system/memory/dma_space.h"

#include <algorithm>
#include <cstring>

#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "util/scope_exit.h"

namespace vmm {

namespace {

using Direction = DmaLookup::Direction;

template <typename Copy>
bool copy_shared(const RamBlock& block, RamRange range, Copy copy) {
    if (!block.has_private_side()) {
        copy(block.data() + range.first().raw(), range.size());
        return true;
    }
    // While we count as a user, what we found shared is not freed.
    unsigned use = block.enter_use();
    ScopeExit leave([&] { block.leave_use(use); });
    if (!block.visibility().is_all(range, Visibility::Shared)) return false;
    copy(block.data() + range.first().raw(), range.size());
    return true;
}

// Calls copy(host address, length) for each part; stops with false where a device may not go.
template <typename Copy>
bool transfer(const FlatView& view, Gpa address, size_t size, Direction direction, Copy copy) {
    while (size != 0) {
        const FlatSection* s = view.find(address);
        if (s == nullptr || s->ram == nullptr) return false;
        if (direction == Direction::ToGuest && s->readonly) return false;
        uint64_t room = s->range.last() - address;
        size_t length = room < size ? static_cast<size_t>(room) + 1 : size;
        RamOffset offset = s->ram_offset + (address - s->range.first());
        if (!copy_shared(*s->ram, RamRange::of(offset, length), copy)) return false;
        address = address + length;
        size -= length;
    }
    return true;
}

bool read_shared(const FlatView& view, Gpa address, std::span<uint8_t> into) {
    return transfer(view, address, into.size(), Direction::FromGuest,
                    [&](const uint8_t* host, size_t length) {
                        std::memcpy(into.data(), host, length);
                        into = into.subspan(length);
                    });
}

bool write_shared(const FlatView& view, Gpa address, std::span<const uint8_t> from) {
    return transfer(view, address, from.size(), Direction::ToGuest, [&](uint8_t* host, size_t length) {
        std::memcpy(host, from.data(), length);
        from = from.subspan(length);
    });
}

}  // namespace

bool DmaSpace::read(Gpa address, std::span<uint8_t> into) const {
    space_.reads.note(address, into.size());
    return read_shared(*space_.view(), address, into);
}

bool DmaSpace::write(Gpa address, std::span<const uint8_t> from) const {
    return write_shared(*space_.view(), address, from);
}

bool DmaLookup::read(Gpa address, std::span<uint8_t> into) {
    note_read(address, into.size());
    const Piece piece = direct(address, into.size(), Direction::FromGuest);
    if (piece.host != nullptr && piece.size == into.size()) {
        std::memcpy(into.data(), piece.host, piece.size);
        return true;
    }
    return read_shared(lookup_.view(), address, into);
}

bool DmaLookup::write(Gpa address, std::span<const uint8_t> from) {
    const Piece piece = direct(address, from.size(), Direction::ToGuest);
    if (piece.host != nullptr && piece.size == from.size()) {
        std::memcpy(piece.host, from.data(), piece.size);
        return true;
    }
    return write_shared(lookup_.view(), address, from);
}

DmaLookup::Piece DmaLookup::direct(Gpa address, size_t size, Direction direction) {
    const FlatSection* s = lookup_.find(address);
    if (s == nullptr || s->ram == nullptr || s->ram->has_private_side()) return {};
    if (direction == Direction::ToGuest && (s->readonly || s->io != nullptr)) return {};
    const uint64_t room = s->range.last() - address;
    const RamOffset offset = s->ram_offset + (address - s->range.first());
    return {s->ram->data() + offset.raw(), room < size ? static_cast<size_t>(room) + 1 : size};
}

}  // namespace vmm
