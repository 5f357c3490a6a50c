// TDVF metadata: good images, td-shim's, and a table of bad ones, each refused with one clear line.
#include "target/i386/confidential/tdx/tdvf.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/target/i386/confidential/tdx/image_maker.h"

namespace vmm::tdx {
namespace {

TEST(Tdvf, GoodImageGivesItsSectionsInOrder) {
    const Image image = make_image();
    const Result<Tdvf> parsed = parse_tdvf(image.bytes);
    ASSERT_TRUE(parsed) << parsed.error().text();
    const std::vector<TdvfSection> wanted = default_sections();
    ASSERT_EQ(parsed->sections.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_EQ(parsed->sections[i].gpa, wanted[i].gpa);
        EXPECT_EQ(parsed->sections[i].size, wanted[i].size);
        EXPECT_EQ(parsed->sections[i].type, wanted[i].type);
        EXPECT_EQ(parsed->sections[i].extend(), wanted[i].extend());
    }
    ASSERT_NE(parsed->hob(), nullptr);
    EXPECT_EQ(parsed->hob()->gpa, 0x809000u);
    EXPECT_EQ(parsed->sections[0].data(image.bytes).data(), image.bytes.data() + 0x4000);
}

TEST(Tdvf, ShimSectionsAreUnderstood) {
    std::vector<TdvfSection> sections = default_sections();
    sections.push_back({0, 0, 0x1000000, 0x100000, TdvfType::PermMem, kTdvfPageAug});
    sections.push_back({0x100, 0x800, 0x2000000, 0x1000, TdvfType::Payload, kTdvfExtend});
    sections.push_back({0, 0, 0x3000000, 0x1000, TdvfType::PayloadParam, 0});
    sections.push_back({0x200, 0x20, 0, 0, TdvfType::TdInfo, 0});
    sections.push_back({0x300, 0x20, 0, 0, TdvfType::TdParams, 0});
    const Result<Tdvf> parsed = parse_tdvf(make_image(sections).bytes);
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_TRUE(parsed->find(TdvfType::PermMem)->page_aug());
    EXPECT_EQ(parsed->find(TdvfType::TdInfo)->size, 0u);
}

// The offset of td-shim: at a fixed place, from the image's start or from its end.
TEST(Tdvf, PlainOffsetIsFollowed) {
    for (bool from_end : {false, true}) {
        Image image = make_image();
        image.bytes[image.at.table_end - 1] ^= 1;
        const size_t start = image.at.descriptor;
        image.put32(image.bytes.size() - 0x20,
                    static_cast<uint32_t>(from_end ? image.bytes.size() - start : start));
        EXPECT_TRUE(parse_tdvf(image.bytes)) << from_end;
    }
}

struct BadImage {
    const char* name;
    std::function<void(Image&)> spoil;
    const char* message;  // part of what is said
};

void set_section(Image& image, size_t index, const TdvfSection& s) {
    const size_t at = image.section(index);
    image.put32(at, s.data_offset);
    image.put32(at + 4, s.raw_size);
    image.put64(at + 8, s.gpa);
    image.put64(at + 16, s.size);
    image.put32(at + 24, static_cast<uint32_t>(s.type));
    image.put32(at + 28, s.attributes);
}

const BadImage kBadTables[] = {
    {"Empty", [](Image& i) { i.bytes.clear(); }, "no TDX metadata"},
    {"OneByte", [](Image& i) { i.bytes.resize(1); }, "no TDX metadata"},
    {"ThirtyOneBytes", [](Image& i) { i.bytes.resize(31); }, "no TDX metadata"},
    {"OnlyTheTail", [](Image& i) { i.bytes.erase(i.bytes.begin(), i.bytes.end() - 0x30); },
     "no TDX metadata"},
    {"OnlyTheFooter", [](Image& i) { i.bytes.erase(i.bytes.begin(), i.bytes.end() - 0x32); },
     "GUID table has a length"},
    {"NoFooter", [](Image& i) { i.bytes[i.at.table_end - 1] ^= 1; }, "no TDX metadata"},
    {"TotalTooSmall", [](Image& i) { i.put16(i.at.total_length, 17); }, "length of 17 bytes"},
    {"TotalZero", [](Image& i) { i.put16(i.at.total_length, 0); }, "length of 0 bytes"},
    {"TotalCutsEntry", [](Image& i) { i.put16(i.at.total_length, 18 + 21); }, "length of 22 bytes"},
    {"TotalCutsTail", [](Image& i) { i.put16(i.at.total_length, 18 + 5); }, "bytes of no entry"},
    {"TableEmpty", [](Image& i) { i.put16(i.at.total_length, 18); }, "no TDX metadata"},
    {"TotalBeyondImage",
     [](Image& i) {
         i.bytes.erase(i.bytes.begin(), i.bytes.end() - 0x200);
         i.put16(i.bytes.size() - 0x32, 0x300);
     },
     "GUID table has a length"},
    {"EntryTooSmall", [](Image& i) { i.put16(i.at.tdx_length, 17); }, "length of 17 bytes"},
    {"EntryZero", [](Image& i) { i.put16(i.at.tdx_length, 0); }, "length of 0 bytes"},
    {"EntryHuge", [](Image& i) { i.put16(i.at.tdx_length, 0xffff); }, "length of 65535 bytes"},
    {"EntryWithoutOffset", [](Image& i) { i.put16(i.at.tdx_length, 18); }, "bytes of no entry"},
    {"OtherGuid", [](Image& i) { i.bytes[i.at.tdx_length + 2] ^= 1; }, "no TDX metadata"},
    {"OffsetZero", [](Image& i) { i.put32(i.at.tdx_entry, 0); }, "lies 0 bytes before"},
    {"OffsetInsideHead", [](Image& i) { i.put32(i.at.tdx_entry, 15); }, "lies 15 bytes before"},
    {"OffsetBeyondImage", [](Image& i) { i.put32(i.at.tdx_entry, 0x10001); }, "lies 65537 bytes before"},
    {"OffsetHuge", [](Image& i) { i.put32(i.at.tdx_entry, 0xffffffff); }, "lies 4294967295 bytes before"},
    {"Signature", [](Image& i) { i.put32(i.at.descriptor, 0x56454453); }, "signature"},
    {"VersionZero", [](Image& i) { i.put32(i.at.descriptor + 8, 0); }, "version 0"},
    {"VersionTwo", [](Image& i) { i.put32(i.at.descriptor + 8, 2); }, "version 2"},
    {"CountZero", [](Image& i) { i.put32(i.at.descriptor + 12, 0); }, "0 sections"},
    {"CountOne", [](Image& i) { i.put32(i.at.descriptor + 12, 1); }, "1 sections"},
    {"CountHuge", [](Image& i) { i.put32(i.at.descriptor + 12, 0x8000000); }, "134217728 sections"},
    {"CountMax", [](Image& i) { i.put32(i.at.descriptor + 12, 0xffffffff); }, "4294967295 sections"},
    {"LengthShort", [](Image& i) { i.put32(i.at.descriptor + 4, 16 + 32 * 4); }, "length 144"},
    {"LengthHuge", [](Image& i) { i.put32(i.at.descriptor + 4, 0xfffffff0); }, "length 4294967280"},
    {"DescriptorAtTheEnd",
     [](Image& i) {
         i.put32(i.at.tdx_entry, 16);
         const size_t at = i.bytes.size() - 16;
         i.put32(at, 0x46564454);
         i.put32(at + 4, 16 + 64);
         i.put32(at + 8, 1);
         i.put32(at + 12, 2);
     },
     "beyond the end"},
};

const BadImage kBadSections[] = {
    {"TypeNine", [](Image& i) { i.put32(i.section(2) + 24, 9); }, "section 2: unknown type 9"},
    {"TypeHuge", [](Image& i) { i.put32(i.section(0) + 24, 0x80000000); }, "unknown type"},
    {"Attributes", [](Image& i) { i.put32(i.section(0) + 28, 5); }, "(BFV): unknown attributes 0x4"},
    {"HobLeftToTheGuest",
     [](Image& i) {
         set_section(i, 2, {0, 0, 0x809000, 0x1000, TdvfType::TdHob, kTdvfPageAug});
     },
     "accepted by the guest"},
    {"GpaUnaligned", [](Image& i) { i.put64(i.section(2) + 8, 0x810800); }, "whole pages"},
    {"SizeUnaligned", [](Image& i) { i.put64(i.section(2) + 16, 0x1001); }, "whole pages"},
    {"SizeZero", [](Image& i) { i.put64(i.section(2) + 16, 0); }, "no memory"},
    {"SizeBelowRaw", [](Image& i) { i.put64(i.section(0) + 16, 0xb000); }, "cannot hold"},
    {"GpaWraps", [](Image& i) { i.put64(i.section(2) + 8, 0xfffffffffffff000); }, "beyond what a processor"},
    {"GpaBeyond52Bits", [](Image& i) { i.put64(i.section(2) + 8, uint64_t{1} << 52); },
     "beyond what a processor"},
    {"SizeHuge", [](Image& i) { i.put64(i.section(2) + 16, uint64_t{1} << 40); }, "more than 4 GiB"},
    {"DataBeyondImage", [](Image& i) { i.put32(i.section(0), 0x4001); }, "outside the image"},
    {"DataOffsetHuge", [](Image& i) { i.put32(i.section(0), 0xfffff000); }, "outside the image"},
    {"RawHuge",
     [](Image& i) {
         i.put32(i.section(0) + 4, 0xffffffff);
         i.put64(i.section(0) + 16, 0x100000000);
     },
     "outside the image"},
    {"BfvWithoutData", [](Image& i) { i.put32(i.section(0) + 4, 0); }, "no data"},
    {"CfvWithoutData", [](Image& i) { i.put32(i.section(1) + 4, 0); }, "no data"},
    {"HobWithData", [](Image& i) { i.put32(i.section(3) + 4, 16); }, "expected none"},
    {"TempMemWithData", [](Image& i) { i.put32(i.section(4) + 4, 16); }, "expected none"},
    {"PermMemWithData",
     [](Image& i) {
         set_section(i, 4, {0, 16, 0x800000, 0x1000, TdvfType::PermMem, 0});
     },
     "expected none"},
    {"ParamWithData",
     [](Image& i) {
         set_section(i, 4, {0, 16, 0x800000, 0x1000, TdvfType::PayloadParam, 0});
     },
     "expected none"},
    {"ParamWithoutPayload",
     [](Image& i) {
         set_section(i, 4, {0, 0, 0x800000, 0x1000, TdvfType::PayloadParam, 0});
     },
     "without a Payload"},
    {"InfoWithoutData",
     [](Image& i) {
         set_section(i, 4, {0, 0, 0, 0, TdvfType::TdInfo, 0});
     },
     "no data"},
    {"ParamsWithAddressOnly",
     [](Image& i) {
         set_section(i, 4, {0, 16, 0x1000, 0, TdvfType::TdParams, 0});
     },
     "no size"},
    {"AcceptedBfv", [](Image& i) { i.put32(i.section(0) + 28, 2); }, "accepted by the guest"},
    {"TwoHobs", [](Image& i) { i.put32(i.section(4) + 24, 2); }, "2 TD_HOB sections"},
    {"NoBfv", [](Image& i) { i.put32(i.section(0) + 24, 1); }, "no BFV"},
    {"OverlapOfMemory", [](Image& i) { i.put64(i.section(4) + 16, 0xa000); }, "overlap"},
    {"OverlapOfFirmware", [](Image& i) { i.put64(i.section(1) + 16, 0x5000); }, "overlap"},
    {"SamePlaceTwice", [](Image& i) { i.put64(i.section(4) + 8, 0x810000); }, "overlap"},
    {"HobOverBfv", [](Image& i) { i.put64(i.section(3) + 8, 0xffff4000); }, "overlap"},
};

class BadTdvf : public testing::TestWithParam<BadImage> {};

TEST_P(BadTdvf, IsRefusedInOneLine) {
    Image image = make_image();
    GetParam().spoil(image);
    const Result<Tdvf> parsed = parse_tdvf(image.bytes);
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().text().find(GetParam().message), std::string::npos) << parsed.error().text();
    EXPECT_EQ(parsed.error().message().find('\n'), std::string::npos);
}

std::string name_of(const testing::TestParamInfo<BadImage>& info) {
    return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Tables, BadTdvf, testing::ValuesIn(kBadTables), name_of);
INSTANTIATE_TEST_SUITE_P(Sections, BadTdvf, testing::ValuesIn(kBadSections), name_of);

// Every cut of a good image is refused or gives the same sections; nothing outside it is read (sanitizers).
TEST(Tdvf, AnyTruncationIsJudged) {
    const Image image = make_image();
    for (size_t size = 0; size < image.bytes.size(); size += 61) {
        const std::vector<uint8_t> cut(image.bytes.end() - static_cast<ptrdiff_t>(size), image.bytes.end());
        EXPECT_FALSE(parse_tdvf(cut)) << size;
    }
}

}  // namespace
}  // namespace vmm::tdx
