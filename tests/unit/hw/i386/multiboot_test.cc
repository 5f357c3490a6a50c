// Multiboot kernels: the header's two ways of saying where things go, what damage does, and what low memory
// holds for the kernel.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "hw/i386/acpi_tables.h"
#include "hw/i386/direct_boot.h"
#include "hw/i386/multiboot_image.h"
#include "tests/unit/hw/i386/fake_guest.h"

namespace vmm {
namespace {

constexpr uint32_t kMagic = 0x1badb002;

void put_header(std::vector<uint8_t>& file, size_t at, uint32_t flags, std::vector<uint32_t> fields = {}) {
    store_le<uint32_t>(&file[at], kMagic);
    store_le<uint32_t>(&file[at + 4], flags);
    store_le<uint32_t>(&file[at + 8], ~(kMagic + flags) + 1);
    for (size_t i = 0; i < fields.size(); ++i)
        store_le<uint32_t>(&file[at + 12 + 4 * i], fields[i]);
}

// Loaded at 2 MiB from offset 0x100, the header being there, 0x1000 bytes with the bss.
std::vector<uint8_t> plain(std::vector<uint32_t> fields = {0x200000, 0x200000, 0x200080, 0x201000,
                                                           0x200040}) {
    std::vector<uint8_t> file(0x200, 0xcc);
    put_header(file, 0x100, 0x10003, std::move(fields));
    return file;
}

std::vector<uint8_t> elf32(uint32_t flags = 3, unsigned char elf_class = ELFCLASS32) {
    std::vector<uint8_t> file(0x400, 0x90);
    Elf32_Ehdr head{};
    std::memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = elf_class;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    head.e_type = ET_EXEC;
    head.e_machine = EM_386;
    head.e_entry = 0x400010;
    head.e_phoff = sizeof head;
    head.e_phentsize = sizeof(Elf32_Phdr);
    head.e_phnum = 1;
    Elf32_Phdr load{};
    load.p_type = PT_LOAD;
    load.p_offset = 0x200;
    load.p_paddr = 0x400000;
    load.p_filesz = 0x200;
    load.p_memsz = 0x1000;
    std::memcpy(file.data(), &head, sizeof head);
    std::memcpy(&file[sizeof head], &load, sizeof load);
    put_header(file, 0x200, flags);
    return file;
}

// ACPI 6.4, 16.3.3: the segment is the vector's upper bits, the offset its lower four.
TEST(DirectBoot, WakesInRealModeAtTheVector) {
    const BootState s = resume_at(0x9a12f);
    EXPECT_EQ(s.rip, 0xfu);
    EXPECT_EQ(s.code.selector, 0x9a12u);
    EXPECT_EQ(s.code.base, 0x9a120u);
    EXPECT_EQ(s.code.limit, 0xffffu);
    EXPECT_EQ(s.data.base, 0u);
    EXPECT_EQ(s.idt.limit, 0x3ffu);
    EXPECT_EQ(s.cr0 & 0x80000001u, 0u);
    EXPECT_EQ(s.efer, 0u);
}

TEST(MultibootImage, AddressFields_placeTheFile) {
    Result<MultibootImage> image = parse_multiboot_image(plain());
    ASSERT_TRUE(image) << image.error().text();
    EXPECT_EQ(image->entry, 0x200040u);
    ASSERT_EQ(image->segments.size(), 1u);
    EXPECT_EQ(image->segments[0].address, 0x200000u);
    EXPECT_EQ(image->segments[0].bytes.size(), 0x80u);
    EXPECT_EQ(image->segments[0].memory_size, 0x1000u);
    // No end: the rest of the file.
    image = parse_multiboot_image(plain({0x200000, 0x1fff00, 0, 0, 0x200000}));
    ASSERT_TRUE(image);
    EXPECT_EQ(image->segments[0].bytes.size(), 0x200u);
}

TEST(MultibootImage, WithoutThem_itIsAnElfFile) {
    Result<MultibootImage> image = parse_multiboot_image(elf32());
    ASSERT_TRUE(image) << image.error().text();
    EXPECT_EQ(image->entry, 0x400010u);
    EXPECT_EQ(image->segments[0].memory_size, 0x1000u);
    EXPECT_FALSE(parse_multiboot_image(elf32(3, ELFCLASS64)));
    EXPECT_FALSE(parse_multiboot_image(elf32(0x8)));
}

TEST(MultibootImage, Damage_isRefused) {
    const std::vector<std::vector<uint32_t>> bad = {
        {0x200000, 0x200001, 0, 0, 0},         // loaded after its header
        {0x200000, 0x1ffe00, 0, 0, 0},         // begins before the file
        {0x200000, 0x200000, 0x200101, 0, 0},  // ends beyond it
        {0x200000, 0x200000, 0x1fffff, 0, 0},  // ends before it begins
        {0xffffff80, 0xffffff80, 0, 0, 0},     // passes 4 GiB
    };
    for (size_t i = 0; i < bad.size(); ++i)
        EXPECT_FALSE(parse_multiboot_image(plain(bad[i]))) << i;
    std::vector<uint8_t> file = plain();
    file[0x108] ^= 1;
    EXPECT_FALSE(looks_like_multiboot(file));
    const std::vector<uint8_t> whole = elf32();
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_multiboot_image(std::span(whole).first(size))) << size;
    std::vector<uint8_t> late(9000);
    put_header(late, 8192, 3);
    EXPECT_FALSE(looks_like_multiboot(late));
}

// What the code before a kernel does, read back: MOV of EDX, AL and EAX, OUT, and a jump at the end.
struct Entered {
    uint32_t entry = 0, eax = 0;
    std::vector<std::pair<uint32_t, uint8_t>> writes;
};
Entered entered(FakeGuest& guest, uint64_t at) {
    Entered out;
    for (unsigned steps = 0; steps < 1000; ++steps) {
        const uint8_t opcode = guest.number<uint8_t>(at);
        if (opcode == 0xba) out.entry = guest.number<uint32_t>(at + 1);
        if (opcode == 0xb8) out.eax = guest.number<uint32_t>(at + 1);
        if (opcode == 0xb0) out.writes.emplace_back(out.entry, guest.number<uint8_t>(at + 1));
        if (opcode == 0xff) return out;
        at += opcode == 0xee ? 1 : opcode == 0xb0 ? 2 : 5;
    }
    ADD_FAILURE() << "it goes nowhere";
    return out;
}

TEST(DirectBoot, Multiboot_findsTheMachineAsABiosLeavesIt) {
    const std::vector<uint8_t> kernel = elf32();
    DirectBoot boot;
    boot.kernel = kernel;
    boot.memory.ram_below = 64 * kMiB;
    FakeGuest guest(64 * kMiB, 0);
    const BootState s = load_direct(boot, guest).take_value();
    std::map<uint32_t, uint8_t> last;
    for (const auto& [port, value] : entered(guest, s.rip).writes)
        last[port] = value;
    EXPECT_EQ(last, (std::map<uint32_t, uint8_t>{{0x20, 0x11},
                                                 {0x21, 0xb8},
                                                 {0xa0, 0x11},
                                                 {0xa1, 0x8e},
                                                 {0x4d0, 0},
                                                 {0x4d1, 0x0c},
                                                 {0x43, 0x34},
                                                 {0x40, 0}}));
    for (unsigned vector : {8u, 0xfu, 0x70u, 0x77u}) {
        const uint32_t place = guest.number<uint32_t>(4 * vector);
        const uint64_t handler = (place >> 16) * 16 + (place & 0xffff);
        EXPECT_EQ(guest.read(handler, 4), (std::vector<uint8_t>{0x50, 0xb0, 0x20, 0xe6})) << vector;
    }
    EXPECT_EQ(guest.number<uint32_t>(4 * 0x10), 0u);
}

// Upper memory ends where the tables begin.
TEST(DirectBoot, Multiboot_memoryEndsBelowTheTables) {
    const std::vector<uint8_t> kernel = elf32();
    AcpiConfig config;
    config.cpus = {{0, {}, true}};
    const acpi::AcpiImage tables = build_acpi(config);
    DirectBoot boot;
    boot.kernel = kernel;
    boot.acpi = &tables;
    boot.memory.ram_below = 64 * kMiB;
    FakeGuest guest(64 * kMiB, 0);
    const BootState s = load_direct(boot, guest).take_value();
    EXPECT_EQ(guest.number<uint32_t>(s.rbx + 8), (acpi_range(boot.memory, &tables).base - kMiB) / kKiB);
}

TEST(DirectBoot, Multiboot_mayLieInLowMemoryBesideTheInformation) {
    const std::pair<uint32_t, bool> places[] = {{0x1000, true},   {0x8000, true},   {0x1f000, true},
                                                {0x1f001, false}, {0x20000, false}, {0x30000, true},
                                                {0x9ec00, true},  {0x9ec01, false}, {0xff000, false},
                                                {0x0, false},     {0x100000, true}};
    for (const auto& [address, taken] : places) {
        const std::vector<uint8_t> kernel =
            plain({address, address, address + 0x80, address + 0x1000, address});
        DirectBoot boot;
        boot.kernel = kernel;
        boot.memory.ram_below = 64 * kMiB;
        FakeGuest guest(64 * kMiB, 0);
        Result<BootState> s = load_direct(boot, guest);
        ASSERT_EQ(bool(s), taken) << std::hex << address;
        if (!taken) continue;
        EXPECT_EQ(entered(guest, s->rip).entry, address);
        EXPECT_EQ(guest.number<uint32_t>(address), kMagic);
    }
}

TEST(DirectBoot, Multiboot_getsMagicMapAndModules) {
    const std::vector<uint8_t> kernel = elf32();
    const std::vector<uint8_t> module(5000, 0x42);
    DirectBoot boot;
    boot.kernel = kernel;
    boot.command_line = "kernel a=b";
    boot.modules = {{module, "first x"}, {{}, "empty"}};
    boot.memory.ram_below = 64 * kMiB;
    FakeGuest guest(64 * kMiB, 0);
    Result<BootState> s = load_direct(boot, guest);
    ASSERT_TRUE(s) << s.error().text();
    EXPECT_EQ(entered(guest, s->rip).entry, 0x400010u);
    EXPECT_EQ(entered(guest, s->rip).eax, 0x2badb002u);
    EXPECT_EQ(s->cr0, 0x11u);
    const uint64_t info = s->rbx;
    EXPECT_EQ(guest.number<uint32_t>(info) & 0x4f, 0x4du);
    EXPECT_EQ(guest.number<uint32_t>(info + 8), 63u * 1024);
    EXPECT_EQ(guest.read(guest.number<uint32_t>(info + 16), 4), (std::vector<uint8_t>{'k', 'e', 'r', 'n'}));
    ASSERT_EQ(guest.number<uint32_t>(info + 20), 2u);
    const uint64_t modules = guest.number<uint32_t>(info + 24);
    const uint64_t start = guest.number<uint32_t>(modules);
    EXPECT_EQ(start % kPageSize, 0u);
    EXPECT_EQ(guest.number<uint32_t>(modules + 4), start + 5000);
    EXPECT_EQ(guest.read(start, 2), (std::vector<uint8_t>{0x42, 0x42}));
    EXPECT_EQ(guest.number<uint32_t>(modules + 16), guest.number<uint32_t>(modules + 20));
    EXPECT_EQ(guest.number<uint32_t>(guest.number<uint32_t>(info + 48)), 20u);
    EXPECT_EQ(guest.number<uint32_t>(info + 44) % 24, 0u);
}

}  // namespace
}  // namespace vmm
