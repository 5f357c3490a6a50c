// The ASEV table: what OVMF has, and every way in which it can be wrong.
#include <gtest/gtest.h>

#include "target/i386/confidential/sev/metadata.h"
#include "tests/unit/target/i386/confidential/firmware_builder.h"
#include "tests/unit/target/i386/confidential/vectors.h"

namespace vmm::sev {
namespace {

constexpr uint32_t kAsev = 0x56455341;

Result<Metadata> parse(const std::vector<uint8_t>& image) {
    auto table = FirmwareTable::parse(image);
    if (!table) return std::move(table).take_error();
    return parse_metadata(image, *table);
}

// An image whose metadata are these words.
std::vector<uint8_t> image_with(std::initializer_list<uint32_t> words, uint32_t offset = 0x400) {
    return FirmwareBuilder()
        .put(0x400, FirmwareBuilder::words(words))
        .entry(kSevMetadataGuid, FirmwareBuilder::words({offset}))
        .build();
}

TEST(SevMetadata, TheImagesWeHave) {
    auto found = parse(*vectors::find_file("fw-give-64k.fd"));
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_EQ(found->sections.size(), 7u);
    EXPECT_EQ(found->sections[0].type, SectionType::SecMemory);
    EXPECT_EQ(found->sections[0].range, GpaRange::of(Gpa(0x800000), 0x9000));
    EXPECT_EQ(found->sections[5].type, SectionType::KernelHashes);
    EXPECT_NE(found->find(SectionType::Cpuid), nullptr);
    auto without = parse(*vectors::find_file("fw-give-nohash-64k.fd"));
    ASSERT_TRUE(without);
    EXPECT_EQ(without->find(SectionType::KernelHashes), nullptr);
}

struct Bad {
    const char* name;
    std::vector<uint8_t> image;
    const char* message;
};

TEST(SevMetadata, BadImages) {
    const std::vector<uint8_t> none(0x10000);
    const Bad rows[] = {
        {"no table", none, "has no SEV metadata"},
        {"a table without metadata", FirmwareBuilder().build(), "has no SEV metadata"},
        {"cut off in the head", image_with({kAsev}, 12), "is cut off"},
        {"another signature", image_with({0x46564454, 28, 1, 1, 0x1000, 0x1000, 1}), "signature"},
        {"another version", image_with({kAsev, 28, 2, 1, 0x1000, 0x1000, 1}), "version 2"},
        {"version 0", image_with({kAsev, 28, 0, 1, 0x1000, 0x1000, 1}), "version 0"},
        {"no sections", image_with({kAsev, 16, 1, 0}), "0 sections"},
        {"too many sections", image_with({kAsev, 28, 1, 65}), "65 sections"},
        {"a huge count", image_with({kAsev, 28, 1, 0xffffffff}), "4294967295 sections"},
        {"a count that overflows 32 bits", image_with({kAsev, 28, 1, 0x15555556}), "sections, expected"},
        {"shorter than its sections", image_with({kAsev, 27, 1, 1, 0x1000, 0x1000, 1}), "for 1 sections"},
        {"longer than the image", image_with({kAsev, 0x401, 1, 1, 0x1000, 0x1000, 1}), "in the image"},
        {"no size", image_with({kAsev, 28, 1, 1, 0x1000, 0, 1}), "whole pages"},
        {"half a page", image_with({kAsev, 28, 1, 1, 0x1000, 0x800, 1}), "whole pages"},
        {"not on a page", image_with({kAsev, 28, 1, 1, 0x1800, 0x1000, 1}), "whole pages"},
        {"in the firmware", image_with({kAsev, 28, 1, 1, 0xffff0000, 0x1000, 1}), "into the firmware"},
        {"into the firmware", image_with({kAsev, 28, 1, 1, 0xfffef000, 0x2000, 1}), "into the firmware"},
        {"past 4 GiB", image_with({kAsev, 28, 1, 1, 0xfffff000, 0x2000, 1}), "into the firmware"},
        {"an unknown type", image_with({kAsev, 28, 1, 1, 0x1000, 0x1000, 9}), "type 0x9"},
        {"type 0", image_with({kAsev, 28, 1, 1, 0x1000, 0x1000, 0}), "type 0x0"},
        {"two secrets pages", image_with({kAsev, 28, 1, 1, 0x1000, 0x2000, 2}), "not one page"},
        {"two CPUID pages", image_with({kAsev, 28, 1, 1, 0x1000, 0x2000, 3}), "not one page"},
        {"a large hash page", image_with({kAsev, 28, 1, 1, 0x1000, 0x3000, 0x10}), "not one page"},
        {"the second CPUID section", image_with({kAsev, 40, 1, 2, 0x1000, 0x1000, 3, 0x2000, 0x1000, 3}),
         "second of type"},
        {"the second secrets section", image_with({kAsev, 40, 1, 2, 0x1000, 0x1000, 2, 0x2000, 0x1000, 2}),
         "second of type"},
        {"equal sections", image_with({kAsev, 40, 1, 2, 0x1000, 0x1000, 1, 0x1000, 0x1000, 1}), "overlaps"},
        {"one in another", image_with({kAsev, 40, 1, 2, 0x1000, 0x4000, 1, 0x2000, 0x1000, 2}), "overlaps"},
        {"the end of one in another", image_with({kAsev, 40, 1, 2, 0x1000, 0x2000, 1, 0x2000, 0x2000, 1}),
         "overlaps"},
    };
    for (const Bad& bad : rows) {
        auto found = parse(bad.image);
        ASSERT_FALSE(found) << bad.name;
        EXPECT_NE(found.error().text().find(bad.message), std::string::npos)
            << bad.name << ": " << found.error().text();
        EXPECT_EQ(found.error().message().find('\n'), std::string::npos) << bad.name;
    }
}

TEST(SevMetadata, AnyFlippedBitIsJudged) {
    auto image = *vectors::find_file("fw-give-64k.fd");
    const size_t from = image.size() - 0x400;
    for (size_t at = from; at < image.size(); ++at)
        for (const int bit : {1, 0x10, 0x80}) {
            image[at] = static_cast<uint8_t>(image[at] ^ bit);
            auto found = parse(image);
            for (size_t i = 0; found && i < found->sections.size(); ++i) {
                EXPECT_TRUE(found->sections[i].range.aligned(kPageSize));
                for (size_t j = 0; j < i; ++j)
                    EXPECT_FALSE(found->sections[i].range.overlaps(found->sections[j].range));
            }
            image[at] = static_cast<uint8_t>(image[at] ^ bit);
        }
}

}  // namespace
}  // namespace vmm::sev
