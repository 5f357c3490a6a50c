// Images with TDX metadata; see image_maker.h.
#include "tests/unit/target/i386/confidential/tdx/image_maker.h"

#include <algorithm>
#include <array>

#include "util/endian.h"

namespace vmm::tdx {

namespace {
constexpr std::array<uint8_t, 16> kFooter = {0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                             0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};
constexpr std::array<uint8_t, 16> kTdx = {0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
                                          0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2};
constexpr size_t kSize = 0x10000;
}  // namespace

void Image::put16(size_t offset, uint16_t value) {
    store_le<uint16_t>(&bytes[offset], value);
}
void Image::put32(size_t offset, uint32_t value) {
    store_le<uint32_t>(&bytes[offset], value);
}
void Image::put64(size_t offset, uint64_t value) {
    store_le<uint64_t>(&bytes[offset], value);
}

std::vector<TdvfSection> default_sections() {
    return {{0x4000, 0xc000, 0xffff4000, 0xc000, TdvfType::Bfv, kTdvfExtend},
            {0, 0x4000, 0xffff0000, 0x4000, TdvfType::Cfv, 0},
            {0, 0, 0x810000, 0x10000, TdvfType::TempMem, 0},
            {0, 0, 0x809000, 0x2000, TdvfType::TdHob, 0},
            {0, 0, 0x800000, 0x6000, TdvfType::TempMem, 0}};
}

void Image::append_section(const TdvfSection& s) {
    const uint32_t count = load_le<uint32_t>(&bytes[at.descriptor + 12]);
    const size_t offset = section(count);
    put32(offset, s.data_offset);
    put32(offset + 4, s.raw_size);
    put64(offset + 8, s.gpa);
    put64(offset + 16, s.size);
    put32(offset + 24, static_cast<uint32_t>(s.type));
    put32(offset + 28, s.attributes);
    put32(at.descriptor + 12, count + 1);
    put32(at.descriptor + 4, 16 + 32 * (count + 1));
}

Image make_image(const std::vector<TdvfSection>& sections) {
    Image out;
    out.bytes.resize(kSize);
    for (size_t i = 0; i < kSize; ++i)
        out.bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
    out.at.table_end = kSize - 0x20;
    size_t at = out.at.table_end - 16;
    std::copy(kFooter.begin(), kFooter.end(), &out.bytes[at]);
    out.at.total_length = at -= 2;
    out.put16(at, 18 + 22);
    at -= 16;
    std::copy(kTdx.begin(), kTdx.end(), &out.bytes[at]);
    out.at.tdx_length = at -= 2;
    out.put16(at, 22);
    out.at.tdx_entry = at -= 4;
    constexpr uint32_t kFromEnd = 0x1000;
    out.put32(at, kFromEnd);
    out.at.descriptor = kSize - kFromEnd;
    out.at.sections = out.at.descriptor + 16;
    out.put32(out.at.descriptor, 0x46564454);
    out.put32(out.at.descriptor + 4, 16);
    out.put32(out.at.descriptor + 8, 1);
    out.put32(out.at.descriptor + 12, 0);
    for (const TdvfSection& section : sections)
        out.append_section(section);
    return out;
}

Image make_image() {
    return make_image(default_sections());
}

}  // namespace vmm::tdx
