// Finding and judging TDVF metadata; see tdvf.h.
#include "target/i386/confidential/tdx/tdvf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "target/i386/confidential/firmware_table.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::tdx {

namespace {

constexpr uint32_t kSignature = 0x46564454;  // "TDVF"
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadSize = 16;
constexpr size_t kSectionSize = 32;
// td-shim has a plain offset this far before the end of the image.
constexpr size_t kPlainOffset = 0x20;
constexpr uint32_t kKnownAttributes = kTdvfExtend | kTdvfPageAug;

unsigned long long wide(uint64_t n) {
    return n;
}

// td-shim: a plain offset at a fixed place, from the start of the image or from its end. Only believed when
// it leads to the signature.
std::optional<size_t> plain_offset(std::span<const uint8_t> image) {
    if (image.size() < kPlainOffset) return std::nullopt;
    const uint32_t offset = load_le<uint32_t>(&image[image.size() - kPlainOffset]);
    for (size_t start : {size_t{offset}, image.size() - offset}) {
        if (start >= image.size() || image.size() - start < kHeadSize) continue;
        if (load_le<uint32_t>(&image[start]) == kSignature) return start;
    }
    return std::nullopt;
}

Result<std::span<const uint8_t>> find_descriptor(std::span<const uint8_t> image) {
    const FirmwareTable table = TRY(FirmwareTable::parse(image));
    if (const auto listed = TRY(table.follow(kTdxMetadataGuid, "TDX metadata"))) {
        if (listed->size() < kHeadSize)
            return Error::make(
                "the firmware's TDX metadata lies %zu bytes before its end, too few for a head",
                listed->size());
        return *listed;
    }
    if (const std::optional<size_t> plain = plain_offset(image)) return image.subspan(*plain);
    return Error::make("it has no TDX metadata")
        .with_hint("use a firmware built for TDX, such as Debian's /usr/share/ovmf/OVMF.fd");
}

Status check_purpose(const TdvfSection& s, std::span<const uint8_t> image) {
    switch (s.type) {
        case TdvfType::Bfv:
        case TdvfType::Cfv:
            if (s.raw_size == 0) return Error::make("it has no data");
            break;
        case TdvfType::TdHob:
        case TdvfType::TempMem:
        case TdvfType::PermMem:
        case TdvfType::PayloadParam:
            if (s.raw_size != 0) return Error::make("it has 0x%x bytes of data, expected none", s.raw_size);
            break;
        case TdvfType::Payload:
            break;
        case TdvfType::TdInfo:
        case TdvfType::TdParams:
            if (s.raw_size == 0) return Error::make("it has no data");
            if (s.size == 0 && s.gpa != 0) return Error::make("it has an address but no size");
            break;
    }
    if (s.data_offset > image.size() || s.raw_size > image.size() - s.data_offset)
        return Error::make("its data 0x%x+0x%x lies outside the image of 0x%llx bytes", s.data_offset,
                           s.raw_size, wide(image.size()));
    const bool filled_here =
        s.type == TdvfType::TdHob || s.type == TdvfType::Payload || s.type == TdvfType::PayloadParam;
    if (s.page_aug() && (s.raw_size != 0 || filled_here))
        return Error::make("it has contents, but its pages are to be accepted by the guest");
    return {};
}

bool stays_in_file(const TdvfSection& s) {
    return s.size == 0 && (s.type == TdvfType::TdInfo || s.type == TdvfType::TdParams);
}

Status check_section(const TdvfSection& s, std::span<const uint8_t> image) {
    if ((s.attributes & ~kKnownAttributes) != 0)
        return Error::make("unknown attributes 0x%x", s.attributes & ~kKnownAttributes);
    TRY(check_purpose(s, image));
    if (stays_in_file(s)) return {};
    if (!is_aligned(s.gpa | s.size, kPageSize))
        return Error::make("0x%llx+0x%llx is not in whole pages of 4 KiB", wide(s.gpa), wide(s.size));
    if (s.size == 0) return Error::make("it has no memory");
    if (s.size < s.raw_size)
        return Error::make("0x%llx bytes of memory cannot hold 0x%x bytes of data", wide(s.size), s.raw_size);
    if (!checked_add(s.gpa, s.size) || s.end() > uint64_t{1} << 52)
        return Error::make("0x%llx+0x%llx is beyond what a processor can address", wide(s.gpa), wide(s.size));
    // What has contents is held in memory to be handed over; the rest is zeros.
    constexpr uint64_t kMost = uint64_t{1} << 32;
    if (s.size > kMost) return Error::make("0x%llx bytes are more than 4 GiB", wide(s.size));
    return {};
}

Result<TdvfSection> read_section(const uint8_t* at) {
    TdvfSection s;
    s.data_offset = load_le<uint32_t>(at);
    s.raw_size = load_le<uint32_t>(at + 4);
    s.gpa = load_le<uint64_t>(at + 8);
    s.size = load_le<uint64_t>(at + 16);
    const uint32_t type = load_le<uint32_t>(at + 24);
    s.attributes = load_le<uint32_t>(at + 28);
    if (type > static_cast<uint32_t>(TdvfType::TdParams)) return Error::make("unknown type %u", type);
    s.type = static_cast<TdvfType>(type);
    return s;
}

Status check_overlaps(const std::vector<TdvfSection>& sections) {
    std::vector<const TdvfSection*> by_address;
    for (const TdvfSection& s : sections)
        if (s.size != 0) by_address.push_back(&s);
    std::sort(by_address.begin(), by_address.end(), [](auto* a, auto* b) { return a->gpa < b->gpa; });
    for (size_t i = 1; i < by_address.size(); ++i) {
        const TdvfSection &a = *by_address[i - 1], &b = *by_address[i];
        if (b.gpa < a.end())
            return Error::make("its TDX sections %s at 0x%llx and %s at 0x%llx overlap",
                               std::string(tdvf_type_name(a.type)).c_str(), wide(a.gpa),
                               std::string(tdvf_type_name(b.type)).c_str(), wide(b.gpa));
    }
    return {};
}

Status check_counts(const std::vector<TdvfSection>& sections) {
    auto count = [&](TdvfType type) {
        return std::count_if(sections.begin(), sections.end(), [&](auto& s) { return s.type == type; });
    };
    if (count(TdvfType::Bfv) == 0) return Error::make("its TDX metadata has no BFV section");
    for (TdvfType type :
         {TdvfType::TdHob, TdvfType::Payload, TdvfType::PayloadParam, TdvfType::TdInfo, TdvfType::TdParams})
        if (count(type) > 1)
            return Error::make("its TDX metadata has %lld %s sections, expected one",
                               static_cast<long long>(count(type)),
                               std::string(tdvf_type_name(type)).c_str());
    if (count(TdvfType::PayloadParam) != 0 && count(TdvfType::Payload) == 0)
        return Error::make("its TDX metadata has a PayloadParam section without a Payload");
    return {};
}

}  // namespace

std::string_view tdvf_type_name(TdvfType type) {
    constexpr std::string_view kNames[] = {"BFV",     "CFV",          "TD_HOB", "TempMem", "PermMem",
                                           "Payload", "PayloadParam", "TdInfo", "TdParams"};
    return kNames[static_cast<uint32_t>(type)];
}

const TdvfSection* Tdvf::find(TdvfType type) const {
    for (const TdvfSection& s : sections)
        if (s.type == type) return &s;
    return nullptr;
}

const TdvfSection* Tdvf::hob() const {
    return find(TdvfType::TdHob);
}

Result<Tdvf> parse_tdvf(std::span<const uint8_t> image) {
    const std::span<const uint8_t> at = TRY(find_descriptor(image));
    const uint32_t signature = load_le<uint32_t>(at.data());
    const uint32_t length = load_le<uint32_t>(&at[4]);
    const uint32_t version = load_le<uint32_t>(&at[8]);
    const uint32_t count = load_le<uint32_t>(&at[12]);
    if (signature != kSignature)
        return Error::make("its TDX metadata has signature 0x%08x, expected 0x%08x (TDVF)", signature,
                           kSignature);
    if (version != kVersion)
        return Error::make("its TDX metadata has version %u, expected %u", version, kVersion);
    if (count < 2 || count > kTdvfMaxSections)
        return Error::make("its TDX metadata has %u sections, expected 2 to %u", count, kTdvfMaxSections);
    const size_t wanted = kHeadSize + count * kSectionSize;
    if (length != wanted)
        return Error::make("its TDX metadata has length %u, expected %zu for %u sections", length, wanted,
                           count);
    if (at.size() < wanted)
        return Error::make("its TDX metadata of %u sections runs beyond the end of the image", count);
    Tdvf out;
    for (uint32_t i = 0; i < count; ++i) {
        Result<TdvfSection> section = read_section(&at[kHeadSize + i * kSectionSize]);
        if (!section) return std::move(section).take_error().while_doing("its TDX section %u", i);
        Status good = check_section(*section, image);
        if (!good)
            return std::move(good).take_error().while_doing(
                "its TDX section %u (%s)", i, std::string(tdvf_type_name(section->type)).c_str());
        out.sections.push_back(*section);
    }
    TRY(check_counts(out.sections));
    TRY(check_overlaps(out.sections));
    return out;
}

}  // namespace vmm::tdx
