// ELF executables; see elf_image.h.
#include "hw/i386/elf_image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "util/align.h"
#include "util/endian.h"

namespace vmm {

namespace {

constexpr unsigned kMaxProgramHeaders = 256;
using Bytes = std::span<const uint8_t>;

struct ProgramHeader {
    uint32_t type;
    uint64_t offset, address, file_size, memory_size, alignment;
};

std::optional<Bytes> slice(Bytes file, uint64_t offset, uint64_t size) {
    if (offset > file.size() || size > file.size() - offset) return std::nullopt;
    return file.subspan(offset, size);
}

template <typename T>
std::optional<T> read(Bytes file, uint64_t offset) {
    const std::optional<Bytes> bytes = slice(file, offset, sizeof(T));
    if (!bytes) return std::nullopt;
    T out;
    std::memcpy(&out, bytes->data(), sizeof out);
    return out;
}

template <typename FileHeader, typename Header>
Result<std::vector<ProgramHeader>> read_headers(Bytes file, uint16_t machine, uint64_t* entry) {
    const std::optional<FileHeader> head = read<FileHeader>(file, 0);
    if (!head) return Error::make("the file ends within the ELF header");
    if (head->e_machine != machine) return Error::make("ELF for machine %u, not x86", head->e_machine);
    if (head->e_type != ET_EXEC && head->e_type != ET_DYN) return Error::make("not an ELF executable");
    if (head->e_phentsize != sizeof(Header) || head->e_phnum == 0 || head->e_phnum > kMaxProgramHeaders)
        return Error::make("%u ELF program headers of %u bytes", head->e_phnum, head->e_phentsize);
    *entry = head->e_entry;
    std::vector<ProgramHeader> out;
    for (unsigned i = 0; i < head->e_phnum; ++i) {
        const std::optional<uint64_t> at = checked_add<uint64_t>(head->e_phoff, i * sizeof(Header));
        const std::optional<Header> h = at ? read<Header>(file, *at) : std::nullopt;
        if (!h) return Error::make("the file ends within the ELF program headers");
        out.push_back({h->p_type, h->p_offset, h->p_paddr, h->p_filesz, h->p_memsz, h->p_align});
    }
    return out;
}

Result<ElfSegment> load_segment(Bytes file, const ProgramHeader& h) {
    const std::optional<Bytes> bytes = slice(file, h.offset, h.file_size);
    if (!bytes || h.file_size > h.memory_size || !checked_add(h.address, h.memory_size))
        return Error::make("ELF segment at 0x%llx is not within the file",
                           static_cast<unsigned long long>(h.address));
    return ElfSegment{h.address, h.memory_size, *bytes};
}

bool overlap(const ElfSegment& a, const ElfSegment& b) {
    return a.address < b.address + b.memory_size && b.address < a.address + a.memory_size;
}

}  // namespace

bool looks_like_elf(Bytes file) {
    return file.size() >= SELFMAG && std::memcmp(file.data(), ELFMAG, SELFMAG) == 0;
}

Result<ElfImage> parse_elf_image(Bytes file) {
    if (!looks_like_elf(file) || file.size() < EI_NIDENT) return Error::make("not an ELF file");
    if (file[EI_DATA] != ELFDATA2LSB) return Error::make("not a little-endian ELF file");
    ElfImage image;
    image.wide = file[EI_CLASS] == ELFCLASS64;
    const std::vector<ProgramHeader> headers =
        image.wide ? TRY((read_headers<Elf64_Ehdr, Elf64_Phdr>(file, EM_X86_64, &image.entry)))
                   : TRY((read_headers<Elf32_Ehdr, Elf32_Phdr>(file, EM_386, &image.entry)));
    for (const ProgramHeader& h : headers) {
        if (h.type == PT_NOTE) {
            if (const std::optional<Bytes> notes = slice(file, h.offset, h.file_size))
                image.notes.push_back({*notes, h.alignment});
        }
        if (h.type != PT_LOAD || h.memory_size == 0) continue;
        const ElfSegment segment = TRY(load_segment(file, h));
        for (const ElfSegment& other : image.segments)
            if (overlap(segment, other))
                return Error::make("ELF segments overlap at 0x%llx",
                                   static_cast<unsigned long long>(segment.address));
        image.segments.push_back(segment);
    }
    return image;
}

}  // namespace vmm
