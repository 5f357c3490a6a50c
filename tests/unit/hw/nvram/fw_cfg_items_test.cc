// fw_cfg items: the directory is what firmware expects, names are limited and unique.
#include "hw/nvram/fw_cfg_items.h"

#include <gtest/gtest.h>

#include "util/endian.h"

namespace vmm {
namespace {

TEST(FwCfgItems, DirectoryListsFilesByNameWithTheirKeys) {
    FwCfgItems items;
    ASSERT_TRUE(items.add_file("etc/e820", {1, 2, 3}));
    ASSERT_TRUE(items.add_file("bootorder", {9}));
    FwCfgItem* directory = items.find(0x19);
    ASSERT_NE(directory, nullptr);
    ASSERT_EQ(directory->bytes.size(), 4u + 2 * 64);
    const uint8_t* bytes = directory->bytes.data();
    EXPECT_EQ(load_be<uint32_t>(bytes), 2u);
    EXPECT_EQ(load_be<uint32_t>(bytes + 4), 1u);
    EXPECT_EQ(load_be<uint16_t>(bytes + 8), 0x20);
    EXPECT_STREQ(reinterpret_cast<const char*>(bytes + 12), "bootorder");
    EXPECT_EQ(load_be<uint32_t>(bytes + 68), 3u);
    EXPECT_EQ(load_be<uint16_t>(bytes + 72), 0x21);
    EXPECT_STREQ(reinterpret_cast<const char*>(bytes + 76), "etc/e820");
    ASSERT_NE(items.find(0x21), nullptr);
    EXPECT_EQ(items.find(0x21)->bytes, (std::vector<uint8_t>{1, 2, 3}));
    EXPECT_EQ(items.find(0x22), nullptr);
}

TEST(FwCfgItems, LaterFilesMoveTheKeys) {
    FwCfgItems items;
    ASSERT_TRUE(items.add_file("b", {1}));
    EXPECT_EQ(items.find(0x20)->bytes[0], 1);
    ASSERT_TRUE(items.add_file("a", {2}));
    EXPECT_EQ(items.find(0x20)->bytes[0], 2);
    EXPECT_EQ(items.find(0x21)->bytes[0], 1);
}

TEST(FwCfgItems, NamesAreCheckedAndUnique) {
    FwCfgItems items;
    EXPECT_FALSE(items.add_file("", {}));
    EXPECT_FALSE(items.add_file(std::string(56, 'x'), {}));
    EXPECT_TRUE(items.add_file(std::string(55, 'x'), {}));
    auto twice = items.add_file(std::string(55, 'x'), {});
    ASSERT_FALSE(twice);
    EXPECT_NE(twice.error().text().find("already"), std::string::npos);
}

TEST(FwCfgItems, NumbersAreLittleEndian) {
    FwCfgItems items;
    items.set_number(FwCfgKey::NbCpus, 0x0102, 2);
    EXPECT_EQ(items.find(5)->bytes, (std::vector<uint8_t>{2, 1}));
}

}  // namespace
}  // namespace vmm
