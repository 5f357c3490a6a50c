// The TD HOB: how RAM is cut, what does not fit, and that every byte of RAM is listed once. Whole lists are
// in vectors_test.cc.
#include "target/i386/confidential/tdx/td_hob.h"

#include <gtest/gtest.h>

#include "target/i386/confidential/tdx/mrtd.h"
#include "tests/unit/target/i386/confidential/tdx/image_maker.h"
#include "util/align.h"

namespace vmm::tdx {
namespace {

Tdvf firmware_with(std::vector<TdvfSection> sections) {
    Tdvf out;
    out.sections = std::move(sections);
    return out;
}

TEST(TdHob, RamIsCutAtAddedSections) {
    const Tdvf firmware = firmware_with(default_sections());
    const RamRange ram[] = {{4 * kGiB, kGiB}, {0, 512 * kMiB}};
    const auto ranges = divide_ram(ram, firmware);
    ASSERT_TRUE(ranges) << ranges.error().text();
    const std::vector<HobRange> wanted = {
        {0, 0x800000, false},          {0x800000, 0x6000, true},  {0x806000, 0x3000, false},
        {0x809000, 0x2000, true},      {0x80b000, 0x5000, false}, {0x810000, 0x10000, true},
        {0x820000, 0x1f7e0000, false}, {4 * kGiB, kGiB, false},
    };
    EXPECT_EQ(*ranges, wanted);
}

TEST(TdHob, SectionOutsideRamIsRefused) {
    const Tdvf firmware = firmware_with(default_sections());
    for (uint64_t size : {uint64_t{4 * kMiB}, uint64_t{0x805000}, uint64_t{0x81f000}}) {
        const RamRange ram[] = {{0, size}};
        const auto ranges = divide_ram(ram, firmware);
        ASSERT_FALSE(ranges) << size;
        EXPECT_NE(ranges.error().text().find("does not lie in the guest's RAM"), std::string::npos);
    }
    // Beginning before a range of RAM.
    const RamRange high[] = {{0x801000, kGiB}};
    EXPECT_FALSE(divide_ram(high, firmware));
}

TEST(TdHob, PagesThatTheGuestAcceptsStayUnaccepted) {
    for (const TdvfType type : {TdvfType::PermMem, TdvfType::TempMem}) {
        std::vector<TdvfSection> sections = default_sections();
        sections.push_back({0, 0, 0x1000000, 0x100000, type, kTdvfPageAug});
        const RamRange ram[] = {{0, kGiB}};
        const auto ranges = divide_ram(ram, firmware_with(sections));
        ASSERT_TRUE(ranges);
        for (const HobRange& range : *ranges)
            EXPECT_FALSE(range.accepted && range.base == 0x1000000);
    }
}

TEST(TdHob, ListThatDoesNotFitIsRefused) {
    const std::vector<HobRange> ranges(100, HobRange{0, 0x1000, false});
    const auto hob = build_td_hob(0x809000, 0x1000, ranges);
    ASSERT_FALSE(hob);
    EXPECT_NE(hob.error().text().find("TD_HOB section has 0x1000 bytes"), std::string::npos);
    EXPECT_TRUE(build_td_hob(0x809000, 56 + 100 * 48 + 8, ranges));
}

// The running measurement of what a launch submits is that of the image, page by page.
TEST(Mrtd, RunningFormAgreesWithTheImage) {
    const Image image = make_image();
    const Result<Tdvf> firmware = parse_tdvf(image.bytes);
    ASSERT_TRUE(firmware);
    Mrtd running;
    for (const TdvfSection& s : firmware->sections) {
        std::vector<uint8_t> memory(s.size);
        const auto data = s.data(image.bytes);
        std::copy(data.begin(), data.end(), memory.begin());
        for (uint64_t at = 0; at < s.size; at += kPageSize) {
            running.add_page(s.gpa + at);
            if (s.extend()) running.extend_page(s.gpa + at, std::span(memory).subspan(at, kPageSize));
        }
    }
    EXPECT_EQ(running.value(), mrtd_of(image.bytes, *firmware, MrtdOrder::Interleaved, PageAug::Accepted));
    EXPECT_NE(running.value(), mrtd_of(image.bytes, *firmware, MrtdOrder::TwoPass, PageAug::Accepted));
}

TEST(Mrtd, PageAugIsAChoice) {
    std::vector<TdvfSection> sections = default_sections();
    sections.push_back({0, 0, 0x1000000, 0x1000, TdvfType::PermMem, kTdvfPageAug});
    const Image image = make_image(sections);
    const Result<Tdvf> firmware = parse_tdvf(image.bytes);
    ASSERT_TRUE(firmware);
    EXPECT_NE(mrtd_of(image.bytes, *firmware, MrtdOrder::Interleaved, PageAug::Accepted),
              mrtd_of(image.bytes, *firmware, MrtdOrder::Interleaved, PageAug::Added));
}

}  // namespace
}  // namespace vmm::tdx
