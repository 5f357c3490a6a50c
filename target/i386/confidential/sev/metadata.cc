// The ASEV table; see metadata.h.
#include "target/i386/confidential/sev/metadata.h"

#include <algorithm>

#include "util/endian.h"

namespace vmm::sev {

namespace {

constexpr uint32_t kSignature = 0x56455341;  // "ASEV"
constexpr size_t kHeadSize = 16, kSectionSize = 12;
constexpr uint32_t kMostSections = 64;
constexpr uint64_t kEndOfImage = uint64_t{1} << 32;

bool is_known(uint32_t type) {
    switch (static_cast<SectionType>(type)) {
        case SectionType::SecMemory:
        case SectionType::Secrets:
        case SectionType::Cpuid:
        case SectionType::SvsmCallingArea:
        case SectionType::KernelHashes:
            return true;
    }
    return false;
}

Result<Section> parse_section(const uint8_t* at, uint32_t number, const std::vector<Section>& before,
                              uint64_t image_size) {
    const auto base = load_le<uint32_t>(at), size = load_le<uint32_t>(at + 4),
               type = load_le<uint32_t>(at + 8);
    if (!is_known(type))
        return Error::make("the firmware's SEV metadata: section %u has type 0x%x, which is not known",
                           number, type);
    const auto range = GpaRange::make(Gpa(base), size);
    if (!range || !range->aligned(kPageSize))
        return Error::make("the firmware's SEV metadata: section %u (0x%x+0x%x) is not made of whole pages",
                           number, base, size);
    if (range->last().raw() >= kEndOfImage - image_size)
        return Error::make("the firmware's SEV metadata: section %u (0x%x+0x%x) reaches into the firmware",
                           number, base, size);
    const auto kind = static_cast<SectionType>(type);
    const bool one_page =
        kind == SectionType::Secrets || kind == SectionType::Cpuid || kind == SectionType::KernelHashes;
    if (one_page && size != kPageSize)
        return Error::make(
            "the firmware's SEV metadata: section %u of type 0x%x has 0x%x bytes, not one page", number, type,
            size);
    for (const Section& other : before) {
        if (other.range.overlaps(*range))
            return Error::make("the firmware's SEV metadata: section %u (0x%x+0x%x) overlaps another", number,
                               base, size);
        if (one_page && other.type == kind)
            return Error::make("the firmware's SEV metadata: section %u is the second of type 0x%x", number,
                               type);
    }
    return Section{kind, *range};
}

}  // namespace

const Section* Metadata::find(SectionType type) const {
    for (const Section& section : sections)
        if (section.type == type) return &section;
    return nullptr;
}

Result<Metadata> parse_metadata(std::span<const uint8_t> image, const FirmwareTable& table) {
    const auto found = TRY(table.follow(kSevMetadataGuid, "SEV metadata"));
    if (!found)
        return Error::make("the firmware has no SEV metadata: it cannot start an SEV-SNP guest")
            .with_hint(
                "take OVMF built for it: /usr/share/ovmf/OVMF.fd or OVMF.amdsev.fd, not OVMF_CODE_4M.fd");
    const std::span<const uint8_t> bytes = *found;
    if (bytes.size() < kHeadSize)
        return Error::make("the firmware's SEV metadata is cut off after %zu bytes", bytes.size());
    const auto signature = load_le<uint32_t>(bytes.data()), length = load_le<uint32_t>(bytes.data() + 4),
               version = load_le<uint32_t>(bytes.data() + 8), count = load_le<uint32_t>(bytes.data() + 12);
    if (signature != kSignature)
        return Error::make("the firmware's SEV metadata has the signature 0x%08x, not 'ASEV'", signature);
    if (version != 1) return Error::make("the firmware's SEV metadata has version %u, not 1", version);
    if (count == 0 || count > kMostSections)
        return Error::make("the firmware's SEV metadata has %u sections, expected 1 to %u", count,
                           kMostSections);
    const size_t needed = kHeadSize + count * kSectionSize;
    if (length < needed || length > bytes.size())
        return Error::make("the firmware's SEV metadata has %u bytes for %u sections, of %zu in the image",
                           length, count, bytes.size());
    Metadata metadata;
    for (uint32_t i = 0; i < count; ++i)
        metadata.sections.push_back(TRY(
            parse_section(bytes.data() + kHeadSize + i * kSectionSize, i, metadata.sections, image.size())));
    return metadata;
}

}  // namespace vmm::sev
