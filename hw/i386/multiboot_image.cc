// See multiboot_image.h.
#include "hw/i386/multiboot_image.h"

#include <algorithm>
#include <optional>

#include "util/endian.h"

namespace vmm {

namespace {

using Bytes = std::span<const uint8_t>;
constexpr uint32_t kMagic = 0x1badb002;
constexpr size_t kSearched = 8192, kShortHeader = 12, kLongHeader = 32;
// Bits that a loader must know: page-aligned modules, memory information, a video mode. The last is asked for
// by kernels that do without as well.
constexpr uint32_t kRequired = 0xffff, kKnown = 0x7;
constexpr uint32_t kAddressFields = 1u << 16;

uint32_t word(Bytes file, size_t at) {
    return load_le<uint32_t>(&file[at]);
}

std::optional<size_t> find_header(Bytes file) {
    const size_t end = std::min(file.size(), kSearched);
    for (size_t at = 0; at + kShortHeader <= end; at += 4) {
        if (word(file, at) != kMagic) continue;
        if (word(file, at) + word(file, at + 4) + word(file, at + 8) == 0) return at;
    }
    return std::nullopt;
}

Result<MultibootImage> by_addresses(Bytes file, size_t header) {
    if (file.size() - header < kLongHeader) return Error::make("the file ends within the multiboot header");
    const uint32_t header_address = word(file, header + 12), load = word(file, header + 16);
    const uint32_t load_end = word(file, header + 20), bss_end = word(file, header + 24);
    if (header_address < load || header_address - load > header)
        return Error::make("the multiboot header's load address 0x%x does not fit its own address 0x%x", load,
                           header_address);
    const Bytes text = file.subspan(header - (header_address - load));
    const uint64_t size = load_end == 0 ? text.size() : uint64_t{load_end} - load;
    if ((load_end != 0 && load_end < load) || size > text.size())
        return Error::make("the multiboot kernel ends at 0x%x, beyond its file", load_end);
    const uint64_t end = std::max<uint64_t>(load + size, bss_end);
    if (end >> 32 != 0) return Error::make("the multiboot kernel does not fit below 4 GiB");
    MultibootImage image{word(file, header + 28), {}};
    if (end != load) image.segments.push_back({load, end - load, text.first(size)});
    return image;
}

Result<MultibootImage> by_elf(Bytes file) {
    ElfImage elf = TRY(parse_elf_image(file));
    if (elf.wide) return Error::make("a multiboot kernel must be a 32-bit ELF file, not a 64-bit one");
    return MultibootImage{static_cast<uint32_t>(elf.entry), std::move(elf.segments)};
}

}  // namespace

bool looks_like_multiboot(Bytes file) {
    return find_header(file).has_value();
}

Result<MultibootImage> parse_multiboot_image(Bytes file) {
    const std::optional<size_t> header = find_header(file);
    if (!header) return Error::make("there is no multiboot header");
    const uint32_t flags = word(file, *header + 4);
    if ((flags & kRequired & ~kKnown) != 0)
        return Error::make("the multiboot kernel asks for what nobody knows (flags 0x%x)", flags);
    MultibootImage image =
        (flags & kAddressFields) != 0 ? TRY(by_addresses(file, *header)) : TRY(by_elf(file));
    if (image.segments.empty()) return Error::make("the multiboot kernel has nothing to load");
    return image;
}

}  // namespace vmm
