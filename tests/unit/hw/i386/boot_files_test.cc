#include "hw/i386/boot_files.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "hw/i386/linux_boot.h"
#include "hw/i386/linux_header.h"
#include "hw/i386/ram_writer.h"
#include "tests/fakes/temporary_folder.h"
#include "util/endian.h"

namespace vmm {
namespace {

namespace fs = std::filesystem;
using namespace linux_header;

class BootFilesTest : public testing::Test {
  protected:
    std::string file(const char* name, const std::vector<uint8_t>& bytes) {
        const std::string path = directory_ / name;
        std::ofstream out(path, std::ios::binary);
        for (uint8_t b : bytes)
            out.put(static_cast<char>(b));
        return path;
    }
    static std::vector<uint8_t> kernel(uint16_t xloadflags) {
        std::vector<uint8_t> f(5 * 512 + 0x400);
        f[kSetupSectors] = 4;
        store_le<uint32_t>(&f[kKernelParagraphs], 0x40);
        store_le<uint16_t>(&f[kBootFlag], kBootFlagMagic);
        f[kJumpLength] = 0x6a;
        store_le<uint32_t>(&f[kMagic], kHeaderMagic);
        store_le<uint16_t>(&f[kVersion], 0x20f);
        f[kLoadFlags] = kLoadedHigh;
        store_le<uint16_t>(&f[kXloadFlags], xloadflags);
        return f;
    }
    static std::string error_of(const BootConfig& config) {
        Result<std::optional<BootFiles>> r = open_boot_files(config);
        return r ? "" : r.error().text();
    }

    TemporaryFolder directory_;
};

TEST_F(BootFilesTest, NoKernel_givesNothing) {
    Result<std::optional<BootFiles>> r = open_boot_files({});
    ASSERT_TRUE(r);
    EXPECT_FALSE(r->has_value());
}

TEST_F(BootFilesTest, GoodFiles_areMapped) {
    std::vector<uint8_t> dtb(256);
    ASSERT_EQ(fdt_create_empty_tree(dtb.data(), static_cast<int>(dtb.size())), 0);
    BootConfig c;
    c.kernel = file("kernel", kernel(kXlfKernel64));
    c.initrd = file("initrd", {1, 2, 3});
    c.dtb = file("dtb", dtb);
    Result<std::optional<BootFiles>> r = open_boot_files(c);
    ASSERT_TRUE(r) << r.error().text();
    EXPECT_EQ((*r)->kernel.size(), 5u * 512 + 0x400);
    EXPECT_EQ((*r)->initrd.size(), 3u);
    EXPECT_EQ((*r)->dtb.size(), 256u);
    EXPECT_EQ((*r)->for_firmware("x").initrd, (std::vector<uint8_t>{1, 2, 3}));
}

TEST_F(BootFilesTest, WrongFiles_areNamed) {
    BootConfig c;
    c.kernel = directory_ / "missing";
    EXPECT_NE(error_of(c).find(c.kernel), std::string::npos);
    c.kernel = directory_.path();
    EXPECT_NE(error_of(c).find("not a regular file"), std::string::npos);
    c.kernel = file("empty", {});
    EXPECT_NE(error_of(c).find("is empty"), std::string::npos);
    c.kernel = file("text", std::vector<uint8_t>(2000, 'a'));
    EXPECT_EQ(error_of(c), "-kernel '" + c.kernel + "': neither a bzImage nor a multiboot or ELF file");
    c.kernel = file("old", kernel(0));
    EXPECT_EQ(error_of(c), "-kernel '" + c.kernel + "': the kernel has no 64-bit entry");
    c.bios = "firmware";
    EXPECT_EQ(error_of(c), "");
    c.bios.clear();
    c.kernel = file("kernel", kernel(kXlfKernel64));
    c.dtb = file("tree", std::vector<uint8_t>(100, 'a'));
    EXPECT_EQ(error_of(c), "-dtb '" + c.dtb + "': not a device tree blob");
    c.dtb.clear();
    c.initrd = directory_ / "missing";
    EXPECT_NE(error_of(c).find("could not load the initrd"), std::string::npos);
}

// Kernels that happen to be on this machine: read, and placed in half a gigabyte.
TEST_F(BootFilesTest, InstalledKernels_areUnderstood) {
    unsigned seen = 0;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator("/boot", ignored)) {
        if (!entry.path().filename().string().starts_with("vmlinuz-")) continue;
        BootConfig c;
        c.kernel = entry.path();
        Result<std::optional<BootFiles>> r = open_boot_files(c);
        ASSERT_TRUE(r) << r.error().text();
        Result<LinuxImage> image = parse_linux_image((*r)->kernel.bytes());
        ASSERT_TRUE(image);
        EXPECT_TRUE(place_linux(*image, {kMiB, 511 * kMiB}, {}, 32 * kMiB, 0));
        ++seen;
    }
    if (seen == 0) GTEST_SKIP() << "no kernel in /boot";
}

TEST(RamWriter, Pieces_landInTheirBlocks) {
    Result<Q35Map> map = lay_out_q35({.ram_size = 4 * kMiB, .max_ram_below_4g = 3 * kMiB});
    ASSERT_TRUE(map);
    Result<std::unique_ptr<RamBlock>> a = RamBlock::anonymous("a", 2 * kMiB),
                                      b = RamBlock::anonymous("b", 2 * kMiB);
    ASSERT_TRUE(a && b);
    RamBlock* const blocks[] = {a->get(), b->get()};
    RamWriter writer(*map, blocks);
    const std::vector<uint8_t> bytes(8192, 0x11);
    ASSERT_TRUE(writer.write(2 * kMiB - 4096, bytes));
    EXPECT_EQ((*a)->data()[2 * kMiB - 4097], 0);
    EXPECT_EQ((*a)->data()[2 * kMiB - 4096], 0x11);
    EXPECT_EQ((*b)->data()[4095], 0x11);
    EXPECT_EQ((*b)->data()[4096], 0);
    ASSERT_TRUE(writer.write(4 * kGiB, {bytes.data(), 1}));
    EXPECT_EQ((*b)->data()[kMiB], 0x11);
    ASSERT_TRUE(writer.clear(2 * kMiB - 2, 4));
    EXPECT_EQ((*a)->data()[2 * kMiB - 3], 0x11);
    EXPECT_EQ((*a)->data()[2 * kMiB - 1], 0);
    EXPECT_EQ((*b)->data()[1], 0);
    EXPECT_EQ((*b)->data()[2], 0x11);
    EXPECT_FALSE(writer.write(3 * kMiB - 1, {bytes.data(), 2}));
    EXPECT_FALSE(writer.write(4 * kGiB + kMiB, {bytes.data(), 1}));
    EXPECT_FALSE(writer.write(~uint64_t{0}, {bytes.data(), 1}));
}

TEST(RamWriter, PrivateMemory_isRefused) {
    Result<Q35Map> map = lay_out_q35({.ram_size = 2 * kMiB});
    ASSERT_TRUE(map);
    Result<std::unique_ptr<RamBlock>> ram = RamBlock::anonymous("mem0", 2 * kMiB);
    ASSERT_TRUE(ram);
    (*ram)->visibility().set(RamRange::of(RamOffset(0x3000), kPageSize), Visibility::Private);
    RamBlock* const blocks[] = {ram->get()};
    RamWriter writer(*map, blocks);
    const std::vector<uint8_t> bytes(2 * kPageSize, 0x11);
    EXPECT_TRUE(writer.write(0x1000, bytes));
    Status refused = writer.write(0x2000, bytes);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("'mem0' is private"), std::string::npos);
    EXPECT_EQ((*ram)->data()[0x3000], 0);
}

}  // namespace
}  // namespace vmm
