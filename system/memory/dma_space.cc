// Devices' view of guest memory; see dma_space.h.
#include "system/memory/dma_space.h"

#include <algorithm>
#include <cstring>

#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "util/scope_exit.h"

namespace vmm {

namespace {

enum class Direction { FromGuest, ToGuest };

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

}  // namespace

bool DmaSpace::read(Gpa address, std::span<uint8_t> into) const {
    return transfer(*space_.view(), address, into.size(), Direction::FromGuest,
                    [&](const uint8_t* host, size_t length) {
                        std::memcpy(into.data(), host, length);
                        into = into.subspan(length);
                    });
}

bool DmaSpace::write(Gpa address, std::span<const uint8_t> from) const {
    return transfer(*space_.view(), address, from.size(), Direction::ToGuest,
                    [&](uint8_t* host, size_t length) {
                        std::memcpy(host, from.data(), length);
                        from = from.subspan(length);
                    });
}

}  // namespace vmm
