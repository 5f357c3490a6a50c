// Hashing a PE image; see authenticode.h.
#include "target/i386/confidential/tdx/authenticode.h"

#include <algorithm>
#include <vector>

#include "util/endian.h"

namespace vmm::tdx {

namespace {

constexpr size_t kDosHeader = 64, kFileHeader = 24, kSectionHeader = 40;
constexpr size_t kChecksumAt = 64;       // in the optional header
constexpr size_t kCertificateEntry = 4;  // of the data directories
constexpr uint16_t kPlus = 0x20b, kPlain = 0x10b;

struct Piece {
    uint32_t offset;
    uint32_t size;
};

// What the header says, checked against the size of the image.
struct Layout {
    size_t checksum = 0;
    size_t certificate_entry = 0;  // 0: the header ends before it
    size_t headers_end = 0;
    size_t certificates = 0;  // bytes at the end of the image
    std::vector<Piece> sections;
};

Result<std::vector<Piece>> read_sections(std::span<const uint8_t> table, std::span<const uint8_t> image) {
    std::vector<Piece> out;
    for (size_t at = 0; at < table.size(); at += kSectionHeader) {
        const Piece piece{load_le<uint32_t>(&table[at + 20]), load_le<uint32_t>(&table[at + 16])};
        if (piece.size == 0) continue;
        if (piece.offset > image.size() || piece.size > image.size() - piece.offset)
            return Error::make("section %zu lies outside the file", at / kSectionHeader);
        out.push_back(piece);
    }
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.offset < b.offset; });
    return out;
}

Status read_directories(std::span<const uint8_t> image, size_t optional, size_t optional_size,
                        size_t count_at, Layout& out) {
    if (optional_size < count_at + 4) return Error::make("the header is too short");
    const uint32_t directories = load_le<uint32_t>(&image[optional + count_at]);
    const size_t entry = count_at + 4 + kCertificateEntry * 8;
    if (directories <= kCertificateEntry || optional_size < entry + 8) return {};
    out.certificate_entry = optional + entry;
    const uint32_t offset = load_le<uint32_t>(&image[out.certificate_entry]);
    const uint32_t size = load_le<uint32_t>(&image[out.certificate_entry + 4]);
    if (size == 0) return {};
    if (offset > image.size() || size > image.size() - offset)
        return Error::make("the certificates lie outside the file");
    out.certificates = size;
    return {};
}

Result<Layout> read_layout(std::span<const uint8_t> image) {
    if (image.size() < kDosHeader || image[0] != 'M' || image[1] != 'Z') return Error::make("no MZ header");
    const size_t pe = load_le<uint32_t>(&image[0x3c]);
    if (pe > image.size() || image.size() - pe < kFileHeader) return Error::make("no PE header");
    if (load_le<uint32_t>(&image[pe]) != 0x00004550) return Error::make("no PE signature");
    const size_t sections = load_le<uint16_t>(&image[pe + 6]);
    const size_t optional_size = load_le<uint16_t>(&image[pe + 20]);
    const size_t optional = pe + kFileHeader;
    if (image.size() - optional < optional_size + sections * kSectionHeader ||
        optional_size < kChecksumAt + 4)
        return Error::make("the headers run beyond the end of the file");
    Layout out;
    out.checksum = optional + kChecksumAt;
    out.headers_end = load_le<uint32_t>(&image[optional + 60]);
    if (out.headers_end > image.size()) return Error::make("the headers' size is beyond the end of the file");
    const uint16_t magic = load_le<uint16_t>(&image[optional]);
    if (magic != kPlus && magic != kPlain) return Error::make("unknown kind of header 0x%x", magic);
    TRY(read_directories(image, optional, optional_size, magic == kPlus ? 108 : 92, out));
    const size_t fixed_end =
        std::max(out.checksum + 4, out.certificate_entry != 0 ? out.certificate_entry + 8 : 0);
    if (out.headers_end < fixed_end) return Error::make("the headers' size is too small");
    out.sections =
        TRY(read_sections(image.subspan(optional + optional_size, sections * kSectionHeader), image));
    return out;
}

}  // namespace

Result<Sha384Digest> authenticode_digest(std::span<const uint8_t> image) {
    Result<Layout> read = read_layout(image);
    if (!read) return std::move(read).take_error().while_doing("not a PE image");
    const Layout& layout = *read;
    Hasher sum(HashKind::Sha384);
    auto part = [&](size_t from, size_t to) { sum.update(image.subspan(from, to - from)); };
    part(0, layout.checksum);
    if (layout.certificate_entry != 0) {
        part(layout.checksum + 4, layout.certificate_entry);
        part(layout.certificate_entry + 8, layout.headers_end);
    } else {
        part(layout.checksum + 4, layout.headers_end);
    }
    uint64_t hashed = layout.headers_end;
    for (const Piece& piece : layout.sections) {
        sum.update(image.subspan(piece.offset, piece.size));
        hashed += piece.size;
    }
    // What lies behind the sections, without the certificates, padded to 8 bytes.
    if (hashed + layout.certificates < image.size()) {
        const size_t extra = image.size() - hashed - layout.certificates;
        sum.update(image.subspan(hashed, extra));
        constexpr uint8_t kZeros[8] = {};
        if (extra % 8 != 0) sum.update(std::span(kZeros).first(8 - extra % 8));
    }
    Sha384Digest out;
    sum.finish(out);
    return out;
}

}  // namespace vmm::tdx
