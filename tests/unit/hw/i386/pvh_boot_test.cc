#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "hw/i386/direct_boot.h"
#include "hw/i386/pvh_image.h"
#include "tests/unit/hw/i386/fake_guest.h"

namespace vmm {
namespace {

struct Options {
    uint64_t address = 0x200000;
    uint32_t note_type = 18;
    const char* note_name = "Xen";
    uint64_t entry = 0x200010;
};

template <typename Ehdr, typename Phdr>
std::vector<uint8_t> elf(unsigned elf_class, uint16_t machine, const Options& o = {}) {
    constexpr size_t kNoteAt = 0x200, kCodeAt = 0x300, kCodeSize = 0x40;
    std::vector<uint8_t> f(kCodeAt + kCodeSize, 0xcc);
    Ehdr h{};
    std::memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = static_cast<unsigned char>(elf_class);
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_type = ET_EXEC;
    h.e_machine = machine;
    h.e_phoff = sizeof h;
    h.e_phentsize = sizeof(Phdr);
    h.e_phnum = 2;
    std::memcpy(f.data(), &h, sizeof h);
    Phdr load{}, note{};
    load.p_type = PT_LOAD;
    load.p_offset = kCodeAt;
    load.p_paddr = static_cast<decltype(load.p_paddr)>(o.address);
    load.p_filesz = kCodeSize;
    load.p_memsz = 0x1000;
    note.p_type = PT_NOTE;
    note.p_offset = kNoteAt;
    note.p_filesz = note.p_memsz = 12 + 4 + 8;
    note.p_align = 4;
    std::memcpy(&f[sizeof h], &load, sizeof load);
    std::memcpy(&f[sizeof h + sizeof load], &note, sizeof note);
    store_le<uint32_t>(&f[kNoteAt], 4);
    store_le<uint32_t>(&f[kNoteAt + 4], 8);
    store_le<uint32_t>(&f[kNoteAt + 8], o.note_type);
    std::memcpy(&f[kNoteAt + 12], o.note_name, 4);
    store_le<uint64_t>(&f[kNoteAt + 16], o.entry);
    return f;
}
std::vector<uint8_t> elf64(const Options& o = {}) {
    return elf<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, EM_X86_64, o);
}

std::string error_of(const std::vector<uint8_t>& file) {
    Result<PvhImage> r = parse_pvh_image(file);
    return r ? "" : r.error().text();
}

TEST(PvhImage, BothClasses_areRead) {
    for (const std::vector<uint8_t>& f : {elf64(), elf<Elf32_Ehdr, Elf32_Phdr>(ELFCLASS32, EM_386)}) {
        Result<PvhImage> image = parse_pvh_image(f);
        ASSERT_TRUE(image) << image.error().text();
        EXPECT_EQ(image->entry, 0x200010u);
        ASSERT_EQ(image->segments.size(), 1u);
        EXPECT_EQ(image->segments[0].address, 0x200000u);
        EXPECT_EQ(image->segments[0].bytes.size(), 0x40u);
        EXPECT_EQ(image->segments[0].memory_size, 0x1000u);
    }
}

TEST(PvhImage, Damage_isNamed) {
    EXPECT_EQ(error_of(elf64({.note_type = 17})), "the ELF file has no PVH entry note");
    EXPECT_EQ(error_of(elf64({.note_name = "Zen"})), "the ELF file has no PVH entry note");
    EXPECT_EQ(error_of(elf64({.entry = 1ull << 32})), "the ELF file has no PVH entry note");
    EXPECT_EQ(error_of(elf64({.address = ~0ull - 5})),
              "ELF segment at 0xfffffffffffffffa is not within the file");
    EXPECT_EQ(error_of(elf<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, EM_AARCH64)), "ELF for machine 183, not x86");
    std::vector<uint8_t> f = elf64();
    f.resize(0x310);
    EXPECT_EQ(error_of(f), "ELF segment at 0x200000 is not within the file");
    f.resize(0x50);
    EXPECT_EQ(error_of(f), "the file ends within the ELF program headers");
    f.resize(0x20);
    EXPECT_EQ(error_of(f), "the file ends within the ELF header");
    f.resize(6);
    EXPECT_EQ(error_of(f), "not an ELF file");
}

TEST(PvhImage, EveryTruncation_isRefusedWithoutHarm) {
    const std::vector<uint8_t> whole = elf64();
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_pvh_image(std::span(whole).first(size))) << size;
}

TEST(DirectBoot, Pvh_isEnteredInProtectedMode) {
    const std::vector<uint8_t> kernel = elf64();
    const std::vector<uint8_t> initrd(5000, 0x42);
    DirectBoot boot;
    boot.kernel = kernel;
    boot.initrd = initrd;
    boot.command_line = "hello";
    boot.memory.ram_below = 64 * kMiB;
    FakeGuest guest(64 * kMiB, 0);
    Result<BootState> s = load_direct(boot, guest);
    ASSERT_TRUE(s) << s.error().text();
    EXPECT_EQ(s->rip, 0x200010u);
    EXPECT_EQ(s->cr0, 0x11u);
    EXPECT_EQ(s->efer, 0u);
    EXPECT_EQ(guest.read(0x200000, 0x40), std::vector<uint8_t>(0x40, 0xcc));
    ASSERT_EQ(guest.cleared().size(), 1u);
    EXPECT_EQ(guest.cleared()[0], (std::pair<uint64_t, uint64_t>{0x200040, 0xfc0}));

    const uint64_t info = s->rbx;
    EXPECT_EQ(guest.number<uint32_t>(info), 0x336ec578u);
    EXPECT_EQ(guest.number<uint32_t>(info + 4), 1u);
    ASSERT_EQ(guest.number<uint32_t>(info + 12), 1u);
    const uint64_t module = guest.number<uint64_t>(info + 16);
    EXPECT_EQ(guest.number<uint64_t>(module + 8), initrd.size());
    EXPECT_EQ(guest.read(guest.number<uint64_t>(module), initrd.size()), initrd);
    EXPECT_EQ(guest.read(guest.number<uint64_t>(info + 24), 6),
              (std::vector<uint8_t>{'h', 'e', 'l', 'l', 'o', 0}));
    const uint32_t entries = guest.number<uint32_t>(info + 48);
    const uint64_t map = guest.number<uint64_t>(info + 40);
    EXPECT_EQ(entries, direct_e820(boot.memory, {}).size());
    EXPECT_EQ(guest.number<uint64_t>(map + 8), 0x9fc00u);
    EXPECT_EQ(guest.number<uint32_t>(map + 16), 1u);
}

TEST(DirectBoot, PvhSegmentOutsideRam_isRefused) {
    for (uint64_t address : {uint64_t{0x1000}, uint64_t{64 * kMiB}, uint64_t{4 * kGiB}}) {
        const std::vector<uint8_t> kernel = elf64({.address = address});
        DirectBoot boot;
        boot.kernel = kernel;
        boot.memory.ram_below = 64 * kMiB;
        FakeGuest guest(64 * kMiB, 0);
        Result<BootState> s = load_direct(boot, guest);
        ASSERT_FALSE(s);
        EXPECT_NE(s.error().text().find("outside usable RAM"), std::string::npos);
    }
}

}  // namespace
}  // namespace vmm
