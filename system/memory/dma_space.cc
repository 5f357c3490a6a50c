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

// Calls access(address, bytes) for the part in each page, until one fails.
template <typename Byte, typename Access>
bool by_pages(Gpa address, std::span<Byte> bytes, Access access) {
    while (!bytes.empty()) {
        const uint64_t room = kPageSize - address.raw() % kPageSize;
        const auto part = bytes.first(static_cast<size_t>(std::min<uint64_t>(room, bytes.size())));
        if (!access(address, part)) return false;
        address = address + part.size();
        bytes = bytes.subspan(part.size());
    }
    return true;
}

}  // namespace

bool DmaSpace::read(Gpa address, std::span<uint8_t> into) const {
    space_.reads.note(address, into.size());
    if (translator_ == nullptr) return read_shared(*space_.view(), address, into);
    return by_pages(address, into, [&](Gpa at, std::span<uint8_t> part) {
        const std::optional<Gpa> there = translator_->translate(at, false);
        return there && read_shared(*space_.view(), *there, part);
    });
}

bool DmaSpace::write(Gpa address, std::span<const uint8_t> from) const {
    if (translator_ == nullptr) return write_shared(*space_.view(), address, from);
    return by_pages(address, from, [&](Gpa at, std::span<const uint8_t> part) {
        const std::optional<Gpa> there = translator_->translate(at, true);
        return there && write_shared(*space_.view(), *there, part);
    });
}

bool DmaLookup::read_pieces(Gpa address, std::span<uint8_t> into) {
    return read_shared(lookup_.view(), address, into);
}

bool DmaLookup::write_pieces(Gpa address, std::span<const uint8_t> from) {
    return write_shared(lookup_.view(), address, from);
}

DmaLookup::Piece DmaLookup::direct_elsewhere(Gpa address, size_t size, Direction direction) {
    const FlatSection* s = lookup_.find(address);
    if (s == nullptr || s->ram == nullptr || s->ram->has_private_side()) return {};
    const bool writable = !s->readonly && s->io == nullptr;
    if (direction == Direction::ToGuest && !writable) return {};
    near_ = {.generation = lookup_.generation(),
             .first = s->range.first(),
             .last_offset = s->range.last() - s->range.first(),
             .host = s->ram->data() + s->ram_offset.raw(),
             .writable = writable};
    const uint64_t room = s->range.last() - address;
    return {near_.host + (address - near_.first), room < size ? static_cast<size_t>(room) + 1 : size};
}

}  // namespace vmm
