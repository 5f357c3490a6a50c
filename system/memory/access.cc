// Accesses of any length; see access.h.
#include "system/memory/access.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/width.h"
#include "util/check.h"
#include "util/endian.h"
#include "util/log.h"

namespace vmm {

namespace {

AccessResult worse(AccessResult a, AccessResult b) {
    return std::max(a, b);
}

uint8_t* host_address(const FlatSection& s, Gpa address) {
    return s.ram->data() + s.ram_offset.raw() + (address - s.range.first());
}

// Bytes of the access that `section` serves from `address`; section null: up to the next section.
size_t part_length(const FlatView& view, const FlatSection* section, Gpa address, size_t remaining) {
    uint64_t room;  // less one, so that the whole space fits
    if (section != nullptr) {
        room = section->range.last() - address;
    } else {
        const FlatSection* next = view.find_from(address);
        room = next != nullptr ? next->range.first() - address - 1 : ~address.raw();
    }
    return room < remaining ? static_cast<size_t>(room) + 1 : remaining;
}

AccessResult refuse(const FlatSection& s, Gpa address, const char* what) {
    log_guest_error("%s at 0x%llx of '%s': width or alignment not taken", what,
                    static_cast<unsigned long long>(address.raw()), s.region->name().c_str());
    return AccessResult::Refused;
}

AccessResult read_part(const FlatSection* s, Gpa address, std::span<uint8_t> into) {
    if (s == nullptr) {
        std::memset(into.data(), 0xff, into.size());
        return AccessResult::Unassigned;
    }
    if (s->reads_ram) {
        std::memcpy(into.data(), host_address(*s, address), into.size());
        return AccessResult::Ok;
    }
    uint64_t offset = s->offset_in_region + (address - s->range.first());
    return io_read(*s->io, offset, into) ? AccessResult::Ok : refuse(*s, address, "read");
}

AccessResult write_part(const FlatSection* s, Gpa address, std::span<const uint8_t> from) {
    if (s == nullptr) return AccessResult::Unassigned;
    if (s->io != nullptr) {
        uint64_t offset = s->offset_in_region + (address - s->range.first());
        return io_write(*s->io, offset, from) ? AccessResult::Ok : refuse(*s, address, "write");
    }
    if (!s->readonly) std::memcpy(host_address(*s, address), from.data(), from.size());
    return AccessResult::Ok;
}

bool is_single_access(unsigned size, const void* at) {
    return (size & (size - 1)) == 0 && (std::bit_cast<uintptr_t>(at) & (size - 1)) == 0;
}

template <typename T>
uint64_t load_once(const void* at) {
    return to_le(__atomic_load_n(static_cast<const T*>(at), __ATOMIC_RELAXED));
}
template <typename T>
void store_once(void* at, uint64_t value) {
    __atomic_store_n(static_cast<T*>(at), to_le(static_cast<T>(value)), __ATOMIC_RELAXED);
}

uint64_t load_ram(const void* at, unsigned size) {
    if (!is_single_access(size, at)) return load_le_sized(at, size);
    if (size == 1) return load_once<uint8_t>(at);
    if (size == 2) return load_once<uint16_t>(at);
    if (size == 4) return load_once<uint32_t>(at);
    return load_once<uint64_t>(at);
}

void store_ram(void* at, uint64_t value, unsigned size) {
    if (!is_single_access(size, at)) return store_le_sized(at, value, size);
    if (size == 1) return store_once<uint8_t>(at, value);
    if (size == 2) return store_once<uint16_t>(at, value);
    if (size == 4) return store_once<uint32_t>(at, value);
    store_once<uint64_t>(at, value);
}

bool covers(const FlatSection* section, Gpa address, unsigned size) {
    return section != nullptr && section->range.last() - address >= size - 1;
}

}  // namespace

AccessResult read_view(const FlatView& view, Gpa address, std::span<uint8_t> into) {
    AccessResult result = AccessResult::Ok;
    while (!into.empty()) {
        const FlatSection* section = view.find(address);
        size_t length = part_length(view, section, address, into.size());
        result = worse(result, read_part(section, address, into.first(length)));
        into = into.subspan(length);
        address = address + length;
    }
    return result;
}

AccessResult write_view(const FlatView& view, Gpa address, std::span<const uint8_t> from) {
    AccessResult result = AccessResult::Ok;
    while (!from.empty()) {
        const FlatSection* section = view.find(address);
        size_t length = part_length(view, section, address, from.size());
        result = worse(result, write_part(section, address, from.first(length)));
        from = from.subspan(length);
        address = address + length;
    }
    return result;
}

uint64_t load_view(const FlatView& view, const FlatSection* section, Gpa address, unsigned size) {
    CHECK(size >= 1 && size <= 8, "load of %u bytes", size);
    if (covers(section, address, size) && section->reads_ram)
        return load_ram(host_address(*section, address), size);
    std::array<uint8_t, 8> bytes = {};
    std::span<uint8_t> into(bytes.data(), size);
    if (covers(section, address, size))
        (void)read_part(section, address, into);
    else
        (void)read_view(view, address, into);
    return load_le_sized(bytes.data(), size);
}

void store_view(const FlatView& view, const FlatSection* section, Gpa address, uint64_t value,
                unsigned size) {
    CHECK(size >= 1 && size <= 8, "store of %u bytes", size);
    if (covers(section, address, size) && section->io == nullptr) {
        if (!section->readonly) store_ram(host_address(*section, address), value, size);
        return;
    }
    std::array<uint8_t, 8> bytes = {};
    store_le_sized(bytes.data(), value, size);
    std::span<const uint8_t> from(bytes.data(), size);
    if (covers(section, address, size))
        (void)write_part(section, address, from);
    else
        (void)write_view(view, address, from);
}

}  // namespace vmm
