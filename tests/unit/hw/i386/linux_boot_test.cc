#include "hw/i386/linux_boot.h"

#include <asm/bootparam.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <random>

#include "hw/i386/acpi_tables.h"
#include "hw/i386/direct_boot.h"
#include "hw/i386/linux_header.h"
#include "hw/i386/low_memory.h"
#include "tests/unit/hw/i386/fake_guest.h"

namespace vmm {
namespace {

using namespace linux_header;

// Our offsets against the kernel's own header.
static_assert(offsetof(boot_params, acpi_rsdp_addr) == kAcpiRsdp);
static_assert(offsetof(boot_params, ext_ramdisk_image) == kRamdiskImageHigh);
static_assert(offsetof(boot_params, ext_ramdisk_size) == kRamdiskSizeHigh);
static_assert(offsetof(boot_params, e820_entries) == kE820Count);
static_assert(offsetof(boot_params, e820_table) == kE820Table);
static_assert(offsetof(boot_params, hdr.setup_sects) == kSetupSectors);
static_assert(offsetof(boot_params, hdr.syssize) == kKernelParagraphs);
static_assert(offsetof(boot_params, hdr.boot_flag) == kBootFlag);
static_assert(offsetof(boot_params, hdr.header) == kMagic);
static_assert(offsetof(boot_params, hdr.version) == kVersion);
static_assert(offsetof(boot_params, hdr.type_of_loader) == kLoaderType);
static_assert(offsetof(boot_params, hdr.loadflags) == kLoadFlags);
static_assert(offsetof(boot_params, hdr.code32_start) == kCode32Start);
static_assert(offsetof(boot_params, hdr.ramdisk_image) == kRamdiskImage);
static_assert(offsetof(boot_params, hdr.ramdisk_size) == kRamdiskSize);
static_assert(offsetof(boot_params, hdr.heap_end_ptr) == kHeapEnd);
static_assert(offsetof(boot_params, hdr.cmd_line_ptr) == kCommandLinePointer);
static_assert(offsetof(boot_params, hdr.initrd_addr_max) == kInitrdAddressMax);
static_assert(offsetof(boot_params, hdr.kernel_alignment) == kAlignment);
static_assert(offsetof(boot_params, hdr.relocatable_kernel) == kRelocatable);
static_assert(offsetof(boot_params, hdr.xloadflags) == kXloadFlags);
static_assert(offsetof(boot_params, hdr.cmdline_size) == kCommandLineSize);
static_assert(offsetof(boot_params, hdr.setup_data) == kSetupData);
static_assert(offsetof(boot_params, hdr.pref_address) == kPreferredAddress);
static_assert(offsetof(boot_params, hdr.init_size) == kInitSize);

// A bzImage of protocol 2.15 whose kernel is `size` bytes of a pattern.
std::vector<uint8_t> bzimage(size_t size = 0x3000) {
    std::vector<uint8_t> f(5 * 512 + size, 0x5a);
    std::fill(f.begin(), f.begin() + 5 * 512, 0);
    f[kSetupSectors] = 4;
    store_le<uint32_t>(&f[kKernelParagraphs], static_cast<uint32_t>(size / 16));
    store_le<uint16_t>(&f[kBootFlag], kBootFlagMagic);
    f[kJumpLength] = 0x6a;
    store_le<uint32_t>(&f[kMagic], kHeaderMagic);
    store_le<uint16_t>(&f[kVersion], 0x20f);
    f[kLoadFlags] = kLoadedHigh;
    store_le<uint32_t>(&f[kInitrdAddressMax], 0x7fffffff);
    store_le<uint32_t>(&f[kAlignment], 0x200000);
    f[kRelocatable] = 1;
    store_le<uint16_t>(&f[kXloadFlags], kXlfKernel64 | kXlfAbove4G);
    store_le<uint32_t>(&f[kCommandLineSize], 2047);
    store_le<uint64_t>(&f[kPreferredAddress], 0x1000000);
    store_le<uint32_t>(&f[kInitSize], 0x2000000);
    return f;
}

std::string error_of(std::vector<uint8_t> file) {
    Result<LinuxImage> r = parse_linux_image(file);
    return r ? "" : r.error().text();
}

TEST(LinuxImage, Header_isRead) {
    Result<LinuxImage> k = parse_linux_image(bzimage());
    ASSERT_TRUE(k);
    EXPECT_EQ(k->protocol, 0x20f);
    EXPECT_EQ(k->setup_size, 2560u);
    EXPECT_EQ(k->header_end, 0x26cu);
    EXPECT_EQ(k->preferred_address, 0x1000000u);
    EXPECT_EQ(k->memory_needed, 0x2000000u);
    EXPECT_TRUE(k->relocatable && k->entry_64 && k->above_4g);
    EXPECT_EQ(k->max_command_line, 2047u);
}

TEST(LinuxImage, ShortHeader_hidesLaterFields) {
    std::vector<uint8_t> f = bzimage();
    f[kJumpLength] = 0x3a;  // ends at 0x23c
    Result<LinuxImage> k = parse_linux_image(f);
    ASSERT_TRUE(k);
    EXPECT_EQ(k->preferred_address, 0x100000u);
    f = bzimage();
    store_le<uint16_t>(&f[kVersion], 0x206);
    k = parse_linux_image(f);
    ASSERT_TRUE(k);
    EXPECT_FALSE(k->entry_64);
}

TEST(LinuxImage, Damage_isNamed) {
    EXPECT_EQ(error_of({}), "not a bzImage");
    std::vector<uint8_t> f = bzimage();
    f[kMagic] = 0;
    EXPECT_EQ(error_of(f), "not a bzImage");
    f = bzimage();
    store_le<uint16_t>(&f[kVersion], 0x205);
    EXPECT_NE(error_of(f).find("2.05"), std::string::npos);
    f = bzimage();
    f[kLoadFlags] = 0;
    EXPECT_NE(error_of(f).find("zImage"), std::string::npos);
    f = bzimage();
    f.resize(f.size() - 16);
    EXPECT_NE(error_of(f).find("ends within"), std::string::npos);
    f = bzimage();
    f[kSetupSectors] = 255;
    EXPECT_NE(error_of(f).find("ends within"), std::string::npos);
    f = bzimage();
    f[kJumpLength] = 0xff;
    EXPECT_NE(error_of(f).find("header ends"), std::string::npos);
    f = bzimage();
    store_le<uint32_t>(&f[kAlignment], 3);
    EXPECT_NE(error_of(f).find("alignment"), std::string::npos);
    f = bzimage();
    store_le<uint32_t>(&f[kKernelParagraphs], 0xffffffff);
    EXPECT_NE(error_of(f).find("ends within"), std::string::npos);
}

bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
    return a + a_size <= b || b + b_size <= a;
}

TEST(PlaceLinux, Parts_neverOverlapAndStayInRoom) {
    std::mt19937_64 random(1);
    unsigned placed = 0;
    for (int i = 0; i < 20000; ++i) {
        LinuxImage k;
        k.preferred_address = (random() % 64) << 20;
        k.memory_needed = 1 + random() % (96 << 20);
        k.alignment = uint64_t{1} << (12 + random() % 13);
        k.relocatable = random() % 2;
        k.above_4g = random() % 2;
        k.max_initrd_address = random() % 2 ? 0x7fffffff : random() % (256 << 20);
        const BootRange low = {kMiB, 1 + random() % (256 << 20)};
        const BootRange high = {4 * kGiB, random() % 2 ? 0 : random() % (256 << 20)};
        const uint64_t initrd = random() % 3 ? random() % (64 << 20) : 0;
        const uint64_t dtb = random() % 3 ? 0 : random() % (2 << 20);
        Result<LinuxPlaces> p = place_linux(k, low, high, initrd, dtb);
        if (!p) continue;
        ++placed;
        ASSERT_GE(p->kernel, low.base);
        ASSERT_LE(p->kernel + k.memory_needed, low.end());
        if (dtb != 0) {
            ASSERT_GE(p->dtb, low.base);
            ASSERT_LE(p->dtb + dtb + 16, low.end());
            ASSERT_TRUE(apart(p->dtb, dtb + 16, p->kernel, k.memory_needed));
        }
        if (initrd != 0) {
            const BootRange in = p->initrd >= 4 * kGiB ? high : low;
            ASSERT_GE(p->initrd, in.base);
            ASSERT_LE(p->initrd + initrd, in.end());
            ASSERT_TRUE(apart(p->initrd, initrd, p->kernel, k.memory_needed));
            if (dtb != 0) {
                ASSERT_TRUE(apart(p->initrd, initrd, p->dtb, dtb + 16));
            }
            if (p->initrd < 4 * kGiB) {
                ASSERT_LE(p->initrd + initrd - 1, k.max_initrd_address);
            }
        }
    }
    EXPECT_GT(placed, 2000u);
}

TEST(DirectBoot, Linux_isEnteredInLongMode) {
    const std::vector<uint8_t> kernel = bzimage();
    const std::vector<uint8_t> initrd(10000, 0x77), dtb(100, 0x33);
    AcpiConfig a;
    a.cpus = {{0, {}, true}};
    const acpi::AcpiImage acpi = build_acpi(a);
    const smbios::Image dmi = smbios::build({}).take_value();
    DirectBoot boot;
    boot.kernel = kernel;
    boot.initrd = initrd;
    boot.dtb = dtb;
    boot.command_line = "console=ttyS0";
    boot.memory = {128 * kMiB, 64 * kMiB, {0xb0000000, 0x10000000}, {{0xfeffc000, 0x4000}}};
    boot.acpi = &acpi;
    boot.smbios = &dmi;
    FakeGuest guest(128 * kMiB, 64 * kMiB);
    Result<BootState> s = load_direct(boot, guest);
    ASSERT_TRUE(s) << s.error().text();
    EXPECT_EQ(s->rip, 0x1000200u);
    EXPECT_EQ(s->efer, 0x500u);
    EXPECT_EQ(s->cr0 & 0x80000001, 0x80000001u);
    EXPECT_EQ(s->cr4, 0x20u);
    EXPECT_EQ(guest.read(0x1000000, 0x3000), std::vector<uint8_t>(0x3000, 0x5a));

    const uint64_t zp = s->rsi;
    EXPECT_EQ(guest.number<uint32_t>(zp + kMagic), kHeaderMagic);
    EXPECT_EQ(guest.number<uint32_t>(zp + kRamdiskSize), initrd.size());
    EXPECT_EQ(guest.read(guest.number<uint32_t>(zp + kRamdiskImage), initrd.size()), initrd);
    const std::string line = "console=ttyS0";
    EXPECT_EQ(guest.read(guest.number<uint32_t>(zp + kCommandLinePointer), line.size() + 1),
              std::vector<uint8_t>(line.c_str(), line.c_str() + line.size() + 1));
    const uint64_t node = guest.number<uint64_t>(zp + kSetupData);
    EXPECT_EQ(guest.number<uint64_t>(node), 0u);
    EXPECT_EQ(guest.number<uint32_t>(node + 8), 2u);
    EXPECT_EQ(guest.number<uint32_t>(node + 12), dtb.size());
    EXPECT_EQ(guest.read(node + 16, dtb.size()), dtb);
    const uint64_t rsdp = guest.number<uint64_t>(zp + kAcpiRsdp);
    EXPECT_EQ(guest.number<uint64_t>(rsdp), 0x2052545020445352u);  // "RSD PTR "
    EXPECT_EQ(rsdp, 0xe0000u);  // where those look who do not know of the EBDA
    EXPECT_EQ(guest.number<uint16_t>(0x40e), 0x9fc0u);
    EXPECT_EQ(guest.number<uint32_t>(0xf0000), 0x5f4d535fu);  // "_SM_"
}

TEST(DirectBoot, PageTables_mapFourGiBOneToOne) {
    const std::vector<uint8_t> kernel = bzimage();
    DirectBoot boot;
    boot.kernel = kernel;
    boot.memory.ram_below = 128 * kMiB;
    FakeGuest guest(128 * kMiB, 0);
    Result<BootState> s = load_direct(boot, guest);
    ASSERT_TRUE(s) << s.error().text();
    for (uint64_t va : {uint64_t{0}, uint64_t{0x1000000}, uint64_t{0x7fffffff}, uint64_t{0xfee00123}}) {
        const uint64_t pml4 = guest.number<uint64_t>(s->cr3 + (va >> 39) * 8);
        ASSERT_EQ(pml4 & 1, 1u);
        const uint64_t pdpt = guest.number<uint64_t>((pml4 & ~0xfffull) + ((va >> 30) & 511) * 8);
        ASSERT_EQ(pdpt & 0x81, 1u);
        const uint64_t pd = guest.number<uint64_t>((pdpt & ~0xfffull) + ((va >> 21) & 511) * 8);
        ASSERT_EQ(pd & 0x83, 0x83u);
        EXPECT_EQ((pd & ~0x1fffffull) + (va & 0x1fffff), va);
    }
    // The descriptors that the cached segments came from.
    EXPECT_EQ(guest.number<uint64_t>(s->gdt.base + s->code.selector), 0x00af9b000000ffffu);
    EXPECT_EQ(guest.number<uint64_t>(s->gdt.base + s->data.selector), 0x00cf93000000ffffu);
}

TEST(DirectBoot, E820_coversRamOnceAndSparesTheTables) {
    const BootMemory m = {512 * kMiB, kGiB, {0xb0000000, 0x10000000}, {{0xfeffc000, 0x4000}}};
    const E820Map map = direct_e820(m, {510 * kMiB, 2 * kMiB});
    uint64_t end = 0, ram = 0;
    for (const E820Entry& e : map) {
        EXPECT_GE(e.base, end);
        end = e.base + e.size;
        if (e.type == E820Type::Ram) ram += e.size;
    }
    EXPECT_EQ(ram, 0x9fc00 + 509 * kMiB + kGiB);
    EXPECT_EQ(e820_bytes(map).size(), 20 * map.size());
}

TEST(DirectBoot, UserErrors_areNamed) {
    std::vector<uint8_t> kernel = bzimage();
    DirectBoot boot;
    boot.kernel = kernel;
    boot.memory.ram_below = 16 * kMiB;
    FakeGuest guest(16 * kMiB, 0);
    Result<BootState> s = load_direct(boot, guest);
    ASSERT_FALSE(s);
    EXPECT_NE(s.error().text().find("the kernel needs 32 MiB"), std::string::npos);
    EXPECT_NE(s.error().hint().find("more memory"), std::string::npos);

    boot.memory.ram_below = 64 * kMiB;
    FakeGuest larger(64 * kMiB, 0);
    boot.command_line = std::string(2048, 'x');
    s = load_direct(boot, larger);
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().text(), "the command line has 2048 characters; this kernel takes 2047");

    boot.command_line.clear();
    store_le<uint16_t>(&kernel[kXloadFlags], 0);
    s = load_direct(boot, larger);
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().text(), "the kernel has no 64-bit entry");

    const std::vector<uint8_t> text(100, 'a');
    boot.kernel = text;
    s = load_direct(boot, larger);
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().text(), "neither a bzImage nor a multiboot or ELF file");

    boot.memory.ram_below = kMiB;
    EXPECT_FALSE(load_direct(boot, larger));
}

TEST(DirectBoot, InitrdTooLargeBelow_goesAboveFourGiB) {
    const std::vector<uint8_t> kernel = bzimage();
    const std::vector<uint8_t> initrd(60 * kMiB);
    Result<LinuxImage> image = parse_linux_image(kernel);
    ASSERT_TRUE(image);
    Result<LinuxPlaces> p = place_linux(*image, {kMiB, 63 * kMiB}, {4 * kGiB, 128 * kMiB}, initrd.size(), 0);
    ASSERT_TRUE(p);
    EXPECT_EQ(p->initrd, 4 * kGiB + 68 * kMiB);
    EXPECT_FALSE(place_linux(*image, {kMiB, 63 * kMiB}, {4 * kGiB, 0}, initrd.size(), 0));
}

}  // namespace
}  // namespace vmm
