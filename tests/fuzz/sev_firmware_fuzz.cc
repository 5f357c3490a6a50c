// Firmware images with whatever tables at their end, and the SEV structures that users hand in: each is
// judged without reading past its end, and what passes keeps its promises.
#include <cstdint>
#include <string_view>

#include "target/i386/confidential/sev/cpuid_page.h"
#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/sev/metadata.h"
#include "util/base64.h"
#include "util/check.h"

using namespace vmm;

namespace {

void check_sections(const sev::Metadata& metadata, uint64_t image_size) {
    for (size_t i = 0; i < metadata.sections.size(); ++i) {
        const GpaRange range = metadata.sections[i].range;
        CHECK(range.aligned(kPageSize), "half a page");
        CHECK(range.last().raw() < (uint64_t{1} << 32) - image_size, "in the firmware");
        for (size_t j = 0; j < i; ++j)
            CHECK(!range.overlaps(metadata.sections[j].range), "overlapping sections");
    }
}

void check_areas(const SevAreas& areas, uint64_t image_size) {
    for (const auto& area : {areas.hashes, areas.secret}) {
        if (!area) continue;
        CHECK(area->base % 16 == 0, "half a block");
        CHECK(area->size != 0 && uint64_t{area->base} + area->size <= (uint64_t{1} << 32) - image_size,
              "in the firmware");
    }
    if (!areas.hashes || !areas.secret) return;
    const uint64_t hashes = areas.hashes->base, secret = areas.secret->base;
    CHECK(hashes + areas.hashes->size <= secret || secret + areas.secret->size <= hashes,
          "overlapping areas");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> image(data, size);
    if (auto table = FirmwareTable::parse(image)) {
        (void)sev_reset_address(image, *table);
        if (auto areas = sev_areas(*table, size)) check_areas(*areas, size);
        auto metadata = sev::parse_metadata(image, *table);
        if (metadata) check_sections(*metadata, size);
    }
    if (auto entries = sev::parse_cpuid_page(image)) (void)sev::cpuid_corrections(image, image);
    (void)sev::parse_id_block(image);
    if (sev::check_id_auth(image, (size & 1) != 0)) (void)sev::id_key_digests(image);
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
    if (auto bytes = from_base64(text))
        CHECK(from_base64(to_base64(*bytes)).take_value() == *bytes, "base64");
    return 0;
}
