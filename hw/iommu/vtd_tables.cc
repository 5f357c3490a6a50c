// Walking the tables of VT-d.
#include "hw/iommu/vtd_tables.h"

#include <array>

#include "util/bits.h"
#include "util/endian.h"

namespace vmm::vtd {

namespace {

constexpr uint64_t kPresent = 1, kSilent = 2, kRead = 1, kWrite = 2, kLarge = 1 << 7;
constexpr unsigned kPageBits = 12, kLevelBits = 9, kLargestPageLevel = 3;

struct Entry {
    LeNumber<uint64_t> low, high;
};

// Address bits of a table's entry, without the page offset.
constexpr uint64_t page_of(uint64_t entry, unsigned address_bits) {
    return entry & ((uint64_t{1} << address_bits) - 1) & ~uint64_t{0xfff};
}
// What lies between the address width and bit 51.
constexpr uint64_t beyond(unsigned address_bits) {
    return ((uint64_t{1} << 52) - 1) & ~((uint64_t{1} << address_bits) - 1);
}

struct Context {
    uint64_t pages = 0;
    unsigned levels = 0;  // 0: addresses pass as they are
    bool silent = false;
};

Outcome<Context> context_of(const DmaTables& tables, const DmaSpace& memory, uint16_t requester) {
    using To = Outcome<Context>;
    const uint64_t root_at = tables.root + (requester >> 8) * sizeof(Entry);
    const std::optional<Entry> root = memory.read<Entry>(Gpa(root_at));
    if (!root) return To::refused(Fault::RootUnreadable);
    if ((root->low & kPresent) == 0) return To::refused(Fault::RootNotPresent);
    if (root->high != 0 || (root->low & (0xffe | beyond(tables.address_bits))) != 0)
        return To::refused(Fault::RootReserved);
    const uint64_t at = page_of(root->low, tables.address_bits) + (requester & 0xff) * sizeof(Entry);
    const std::optional<Entry> entry = memory.read<Entry>(Gpa(at));
    if (!entry) return To::refused(Fault::ContextUnreadable);
    const bool silent = (entry->low & kSilent) != 0;
    if ((entry->low & kPresent) == 0) return To::refused(Fault::ContextNotPresent, silent);
    if ((entry->low & (0xff0 | beyond(tables.address_bits))) != 0 || (entry->high & 0xffffffffff000080) != 0)
        return To::refused(Fault::ContextReserved, silent);
    const unsigned kind = entry->low >> 2 & 3, width = entry->high & 7;
    if (width != 1 && (width != 2 || tables.address_bits < 48))
        return To::refused(Fault::ContextInvalid, silent);
    if (kind == 2 && tables.pass_through) return To::to({.silent = silent});
    if (kind != 0 && !(kind == 1 && tables.device_tlbs)) return To::refused(Fault::ContextInvalid, silent);
    return To::to({page_of(entry->low, tables.address_bits), width + 2, silent});
}

// A last entry, whose page may be a large one.
Outcome<Gpa> land(uint64_t entry, unsigned level, Gpa address, unsigned address_bits, bool silent) {
    const uint64_t offset = (uint64_t{1} << (kPageBits + (level - 1) * kLevelBits)) - 1;
    const uint64_t page = page_of(entry, address_bits);
    if ((page & offset) != 0) return Outcome<Gpa>::refused(Fault::PageReserved, silent);
    return Outcome<Gpa>::to(Gpa(page | (address.raw() & offset)));
}

Outcome<Gpa> walk(const Context& context, const DmaTables& tables, const DmaSpace& memory, Gpa address,
                  bool write) {
    const unsigned width = kPageBits + context.levels * kLevelBits;
    if (address.raw() >> width != 0) return Outcome<Gpa>::refused(Fault::AddressBeyondWidth, context.silent);
    uint64_t table = context.pages;
    for (unsigned level = context.levels;; --level) {
        const uint64_t index = address.raw() >> (kPageBits + (level - 1) * kLevelBits) & 0x1ff;
        const auto read = memory.read<LeNumber<uint64_t>>(Gpa(table + index * sizeof(uint64_t)));
        if (!read) return Outcome<Gpa>::refused(Fault::PageTableUnreadable, context.silent);
        const uint64_t entry = *read;
        if ((entry & (write ? kWrite : kRead)) == 0)
            return Outcome<Gpa>::refused(write ? Fault::WriteDenied : Fault::ReadDenied, context.silent);
        const bool large = level > 1 && (entry & kLarge) != 0;
        if ((entry & beyond(tables.address_bits)) != 0 || (large && level > kLargestPageLevel))
            return Outcome<Gpa>::refused(Fault::PageReserved, context.silent);
        if (level == 1 || large) return land(entry, level, address, tables.address_bits, context.silent);
        table = page_of(entry, tables.address_bits);
    }
}

// Whether the sender is the one that the entry is for. 9.10, SID, SQ and SVT.
bool right_sender(uint64_t high, uint16_t requester) {
    constexpr std::array<uint16_t, 4> kCompared = {0xffff, 0xfffb, 0xfff9, 0xfff8};
    const auto named = static_cast<uint16_t>(high);
    switch (high >> 18 & 3) {
        case 0:
            return true;
        case 1:
            return ((named ^ requester) & kCompared[high >> 16 & 3]) == 0;
        default:
            return named >> 8 <= requester >> 8 && requester >> 8 <= (named & 0xff);
    }
}

MsiMessage message_of(const Entry& entry, bool extended_ids) {
    const bool logical = (entry.low & 1 << 2) != 0, hint = (entry.low & 1 << 3) != 0;
    const bool level = (entry.low & 1 << 4) != 0;
    const auto target = static_cast<uint32_t>(entry.low >> 32);
    const uint32_t id = extended_ids ? target : target >> 8 & 0xff;
    MsiMessage message;
    message.address = uint64_t{id & 0xffffff00} << 32 | 0xfee00000 | (id & 0xff) << 12 |
                      (hint ? 1u << 3 : 0u) | (logical ? 1u << 2 : 0u);
    message.data = static_cast<uint32_t>((entry.low >> 16 & 0xff) | (entry.low >> 5 & 7) << 8 |
                                         (level ? 1u << 15 | 1u << 14 : 0u));
    return message;
}

}  // namespace

Outcome<Gpa> translate(const DmaTables& tables, const DmaSpace& memory, uint16_t requester, Gpa address,
                       bool write) {
    const Outcome<Context> context = context_of(tables, memory, requester);
    if (!context.where) return Outcome<Gpa>::refused(context.fault, context.silent);
    if (context.where->levels == 0) return Outcome<Gpa>::to(address);
    return walk(*context.where, tables, memory, address, write);
}

Interrupt remap(const InterruptTable& table, const DmaSpace& memory, std::optional<uint16_t> requester,
                const MsiMessage& message) {
    using To = Outcome<MsiMessage>;
    if ((message.address & 1 << 4) == 0)
        return {table.old_format ? To::to(message) : To::refused(Fault::InterruptFormat)};
    const auto handle = static_cast<uint16_t>((message.address >> 5 & 0x7fff) | (message.address & 4) << 13);
    const bool has_part = (message.address & 1 << 3) != 0;
    const uint32_t wide = handle + (has_part ? message.data & 0xffff : 0u);
    const auto index = static_cast<uint16_t>(wide);
    if (wide >= table.entries) return {To::refused(Fault::InterruptIndex), index};
    const std::optional<Entry> entry = memory.read<Entry>(Gpa(table.base + wide * sizeof(Entry)));
    if (!entry) return {To::refused(Fault::InterruptUnreadable), index};
    const bool silent = (entry->low & kSilent) != 0;
    if ((entry->low & kPresent) == 0) return {To::refused(Fault::InterruptNotPresent, silent), index};
    const bool reserved = (entry->low & 0xff00f000) != 0 || entry->high >> 20 != 0 ||
                          (entry->high >> 18 & 3) == 3 ||
                          (!table.extended_ids && (entry->low >> 32 & 0xffff00ff) != 0);
    if (reserved) return {To::refused(Fault::InterruptReserved, silent), index};
    if (requester && !right_sender(entry->high, *requester))
        return {To::refused(Fault::InterruptSource, silent), index};
    return {To::to(message_of(*entry, table.extended_ids)), index};
}

}  // namespace vmm::vtd
