// See pvh_image.h.
#include "hw/i386/pvh_image.h"

#include <elf.h>

#include <cstring>
#include <optional>

#include "util/align.h"
#include "util/endian.h"

namespace vmm {

namespace {

constexpr uint32_t kXenPhys32Entry = 18;
using Bytes = std::span<const uint8_t>;

std::optional<Bytes> slice(Bytes file, uint64_t offset, uint64_t size) {
    if (offset > file.size() || size > file.size() - offset) return std::nullopt;
    return file.subspan(offset, size);
}

// The entry in a note segment, if it holds the note. Damaged notes end the walk.
std::optional<uint32_t> entry_in(Bytes notes, uint64_t alignment) {
    alignment = alignment == 8 ? 8 : 4;
    while (notes.size() >= sizeof(Elf32_Nhdr)) {
        Elf32_Nhdr head;
        std::memcpy(&head, notes.data(), sizeof head);
        const uint64_t name_at = sizeof head;
        const uint64_t data_at = align_up(name_at + head.n_namesz, alignment);
        const uint64_t next = align_up(data_at + head.n_descsz, alignment);
        const std::optional<Bytes> name = slice(notes, name_at, head.n_namesz);
        const std::optional<Bytes> data = slice(notes, data_at, head.n_descsz);
        if (!name || !data) return std::nullopt;
        const bool xen = name->size() == 4 && std::memcmp(name->data(), "Xen", 4) == 0;
        if (xen && head.n_type == kXenPhys32Entry && (data->size() == 4 || data->size() == 8)) {
            const uint64_t entry = load_le_sized(data->data(), static_cast<unsigned>(data->size()));
            if (entry >> 32 == 0) return static_cast<uint32_t>(entry);
            return std::nullopt;
        }
        if (next >= notes.size()) return std::nullopt;
        notes = notes.subspan(next);
    }
    return std::nullopt;
}

}  // namespace

Result<PvhImage> parse_pvh_image(Bytes file) {
    ElfImage elf = TRY(parse_elf_image(file));
    std::optional<uint32_t> entry;
    for (const ElfNotes& notes : elf.notes)
        if (!entry) entry = entry_in(notes.bytes, notes.alignment);
    if (!entry)
        return Error::make("the ELF file has no PVH entry note")
            .with_hint("a Linux kernel needs CONFIG_PVH=y; or use its bzImage");
    if (elf.segments.empty()) return Error::make("the ELF file has nothing to load");
    return PvhImage{*entry, std::move(elf.segments)};
}

}  // namespace vmm
