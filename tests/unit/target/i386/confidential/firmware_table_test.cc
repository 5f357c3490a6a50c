// The GUID table of firmware: good ones, and every way in which one can be wrong.
#include "target/i386/confidential/firmware_table.h"

#include <gtest/gtest.h>

#include "tests/unit/target/i386/confidential/firmware_builder.h"
#include "tests/unit/target/i386/confidential/vectors.h"

namespace vmm {
namespace {

constexpr const char* kOther = "01234567-89ab-cdef-0123-456789abcdef";

std::string error_of(const std::vector<uint8_t>& image) {
    auto table = FirmwareTable::parse(image);
    return table ? "" : table.error().text();
}

TEST(FirmwareTable, EntriesAreFoundByName) {
    const auto image = FirmwareBuilder()
                           .entry(kSevResetBlockGuid, FirmwareBuilder::words({0x80b004}))
                           .entry(kSevSecretGuid, FirmwareBuilder::words({0x80c000, 0xc00}))
                           .entry(kSevHashesGuid, FirmwareBuilder::words({0, 0}))
                           .build();
    auto table = FirmwareTable::parse(image).take_value();
    EXPECT_EQ(table.size(), 3u);
    EXPECT_EQ(sev_reset_address(image, table).take_value(), 0x80b004u);
    auto secret = firmware_area(table, kSevSecretGuid, "secret area").take_value();
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->base, 0x80c000u);
    EXPECT_EQ(secret->size, 0xc00u);
    EXPECT_FALSE(firmware_area(table, kSevHashesGuid, "hash area").take_value()) << "built without";
    EXPECT_FALSE(table.find(kOther));
}

TEST(FirmwareTable, WithoutATableThereIsNothing) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{0x31}, size_t{0x32}, size_t{0x10000}}) {
        const std::vector<uint8_t> image(size);
        auto table = FirmwareTable::parse(image);
        ASSERT_TRUE(table);
        EXPECT_TRUE(table->empty());
        EXPECT_FALSE(sev_reset_address(image, *table).take_value());
    }
}

TEST(FirmwareTable, OlderFirmwareHasTheResetBlockAlone) {
    std::vector<uint8_t> block = FirmwareBuilder::words({0x800004});
    const auto guid = Uuid::parse(kSevResetBlockGuid).take_value().mixed_endian();
    block.push_back(22);
    block.push_back(0);
    block.insert(block.end(), guid.begin(), guid.end());
    std::vector<uint8_t> image(0x1000);
    std::copy(block.begin(), block.end(), image.end() - 0x20 - static_cast<ptrdiff_t>(block.size()));
    auto table = FirmwareTable::parse(image).take_value();
    EXPECT_EQ(sev_reset_address(image, table).take_value(), 0x800004u);
    image[image.size() - 0x20 - 18] = 19;  // no room for the address
    table = FirmwareTable::parse(image).take_value();
    EXPECT_FALSE(sev_reset_address(image, table));
}

TEST(FirmwareTable, BadTables) {
    const auto good = [] { return FirmwareBuilder().entry(kOther, {1, 2, 3}); };
    EXPECT_EQ(error_of(good().build()), "");
    EXPECT_NE(error_of(good().build(17)), "") << "shorter than its own end";
    EXPECT_NE(error_of(good().build(0xffff)), "") << "longer than what is before it";
    EXPECT_NE(error_of(good().build(19)), "") << "no room for an entry";
    EXPECT_NE(error_of(good().build(18 + 20)), "") << "the entry is longer than the table";
    EXPECT_NE(error_of(good().build(18 + 22)), "") << "a byte that belongs to none";
    EXPECT_NE(error_of(FirmwareBuilder().entry(kOther, {1}, 17).build()), "")
        << "shorter than an entry's end";
    EXPECT_NE(error_of(FirmwareBuilder().entry(kOther, {1}, 0).entry(kOther, {2}).build()), "") << "twice";
    EXPECT_NE(error_of(FirmwareBuilder().entry(kOther, {1}, 0xfff0).build()), "");
    EXPECT_NE(error_of(FirmwareBuilder(0x50).entry(kOther, {}).build(0x31)), "") << "the image is smaller";
}

TEST(FirmwareTable, BadEntries) {
    auto area_error = [](const std::vector<uint8_t>& data) {
        const auto image = FirmwareBuilder().entry(kSevSecretGuid, data).build();
        auto table = FirmwareTable::parse(image).take_value();
        auto area = firmware_area(table, kSevSecretGuid, "secret area");
        return area ? std::string() : area.error().text();
    };
    EXPECT_NE(area_error({}), "");
    EXPECT_NE(area_error(FirmwareBuilder::words({1})), "");
    EXPECT_NE(area_error(FirmwareBuilder::words({0, 1})), "");
    EXPECT_NE(area_error(FirmwareBuilder::words({1, 0})), "");
    EXPECT_NE(area_error(FirmwareBuilder::words({0xffffffff, 2})), "") << "wraps";
    auto offset_error = [](const std::vector<uint8_t>& data) {
        const auto image = FirmwareBuilder(0x1000).entry(kSevMetadataGuid, data).build();
        auto table = FirmwareTable::parse(image).take_value();
        auto found = table.follow(kSevMetadataGuid, "SEV metadata");
        return found ? std::string() : found.error().text();
    };
    EXPECT_NE(offset_error({1, 2, 3}), "");
    EXPECT_NE(offset_error(FirmwareBuilder::words({0})), "");
    EXPECT_NE(offset_error(FirmwareBuilder::words({0x1001})), "");
    EXPECT_EQ(offset_error(FirmwareBuilder::words({0x1000})), "");
    auto reset_error = [](const std::vector<uint8_t>& data) {
        const auto image = FirmwareBuilder().entry(kSevResetBlockGuid, data).build();
        auto table = FirmwareTable::parse(image).take_value();
        auto address = sev_reset_address(image, table);
        return address ? std::string() : address.error().text();
    };
    EXPECT_NE(reset_error({1, 2}), "");
    EXPECT_NE(reset_error(FirmwareBuilder::words({0})), "");
}

TEST(FirmwareTable, AreasAreWholeBlocksApartFromEachOtherAndTheImage) {
    struct Row {
        FirmwareArea hashes, secret;
        const char* error;
    };
    constexpr uint32_t kImage = 0x10000, kFirmware = 0xffff0000;
    const Row rows[] = {
        {{0x810c00, 0x400}, {0x810000, 0xc00}, ""},
        {{0x810000, 0x400}, {0x810400, 0xc00}, ""},
        {{kFirmware - 0x400, 0x400}, {0x810400, 0xc00}, ""},
        {{0x810c01, 0x400}, {0x810000, 0xc00}, "area for kernel hashes at 0x810c01 does not begin"},
        {{0x810c08, 0x3f8}, {0x810000, 0xc00}, "area for kernel hashes at 0x810c08 does not begin"},
        {{0x810c00, 0x400}, {0x81000f, 0xbf0}, "secret area at 0x81000f does not begin"},
        {{kFirmware, 0x400}, {0x810000, 0xc00}, "area for kernel hashes (0xffff0000+0x400) reaches into"},
        {{kFirmware - 0x3f0, 0x400}, {0x810000, 0xc00}, "reaches into the firmware"},
        {{0x810c00, 0x400}, {0xfffffff0, 0x10}, "secret area (0xfffffff0+0x10) reaches into"},
        {{0x810bf0, 0x400}, {0x810000, 0xc00}, "overlaps its secret area (0x810000+0xc00)"},
        {{0x810100, 0x10}, {0x810000, 0xc00}, "overlaps its secret area"},
        {{0x810000, 0x1000}, {0x810800, 0x10}, "overlaps its secret area"},
    };
    for (const Row& row : rows) {
        const auto image =
            FirmwareBuilder(kImage)
                .entry(kSevHashesGuid, FirmwareBuilder::words({row.hashes.base, row.hashes.size}))
                .entry(kSevSecretGuid, FirmwareBuilder::words({row.secret.base, row.secret.size}))
                .build();
        const auto areas = sev_areas(FirmwareTable::parse(image).take_value(), image.size());
        EXPECT_EQ(static_cast<bool>(areas), *row.error == '\0') << row.error;
        if (areas) continue;
        EXPECT_NE(areas.error().text().find(row.error), std::string::npos) << areas.error().text();
    }
}

TEST(FirmwareTable, TruncatedAnywhereIsNoCrash) {
    const auto whole = *vectors::find_file("fw-give-64k.fd");
    for (size_t size = 0; size < 0x400; ++size) {
        const std::vector<uint8_t> image(whole.end() - static_cast<ptrdiff_t>(size), whole.end());
        (void)FirmwareTable::parse(image);
    }
    auto table = FirmwareTable::parse(whole).take_value();
    EXPECT_EQ(sev_reset_address(whole, table).take_value(), 0x80b004u);
}

}  // namespace
}  // namespace vmm
