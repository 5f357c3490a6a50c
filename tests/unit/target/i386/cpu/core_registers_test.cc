// The notes of a processor in a dump: sizes, padding and places of what debuggers read.
#include "target/i386/cpu/core_registers.h"

#include <gtest/gtest.h>
#include <sys/procfs.h>

#include "util/endian.h"

namespace vmm {
namespace {

constexpr size_t kNoteHead = 12 + 8;  // numbers and "CORE" or "QEMU", padded

X86Registers numbered() {
    X86Registers r;
    for (unsigned i = 0; i < r.gpr.size(); ++i)
        r.gpr[i] = 0x1000 + i;
    r.rip = 0x2000;
    r.rflags = 0x2001;
    r.cs.selector = 0x10;
    r.ss.selector = 0x18;
    r.fs = {.selector = 0x20, .limit = 1, .attributes = 2, .base = 0xf5};
    r.gs.base = 0x65;
    r.cr3 = 0xc3;
    r.kernel_gs_base = 0x99;
    return r;
}

TEST(MakeNote, namesAndContentsArePadded) {
    const uint8_t contents[] = {1, 2, 3, 4, 5};
    const std::vector<uint8_t> note = make_note("VMM", 7, contents);
    EXPECT_EQ(note, (std::vector<uint8_t>{4,   0,   0,   0, 5, 0, 0, 0, 7, 0, 0, 0,
                                          'V', 'M', 'M', 0, 1, 2, 3, 4, 5, 0, 0, 0}));
}

TEST(Prstatus, isLinuxsStructureIn64Bits) {
    const std::vector<uint8_t> note = prstatus_note(numbered(), 3, CoreWidth::Bits64);
    ASSERT_EQ(note.size(), kNoteHead + sizeof(elf_prstatus));
    elf_prstatus status;
    std::memcpy(&status, &note[kNoteHead], sizeof status);
    EXPECT_EQ(status.pr_pid, 3);
    user_regs_struct regs;
    static_assert(sizeof regs == sizeof status.pr_reg);
    std::memcpy(&regs, &status.pr_reg, sizeof regs);
    EXPECT_EQ(regs.rax, 0x1000u);
    EXPECT_EQ(regs.rcx, 0x1001u);
    EXPECT_EQ(regs.rdx, 0x1002u);
    EXPECT_EQ(regs.rbx, 0x1003u);
    EXPECT_EQ(regs.rsp, 0x1004u);
    EXPECT_EQ(regs.rbp, 0x1005u);
    EXPECT_EQ(regs.rsi, 0x1006u);
    EXPECT_EQ(regs.rdi, 0x1007u);
    EXPECT_EQ(regs.r8, 0x1008u);
    EXPECT_EQ(regs.r15, 0x100fu);
    EXPECT_EQ(regs.rip, 0x2000u);
    EXPECT_EQ(regs.eflags, 0x2001u);
    EXPECT_EQ(regs.cs, 0x10u);
    EXPECT_EQ(regs.ss, 0x18u);
    EXPECT_EQ(regs.fs, 0x20u);
    EXPECT_EQ(regs.fs_base, 0xf5u);
    EXPECT_EQ(regs.gs_base, 0x65u);
}

TEST(Prstatus, has32BitsForOlderModes) {
    const std::vector<uint8_t> note = prstatus_note(numbered(), 3, CoreWidth::Bits32);
    ASSERT_EQ(note.size(), kNoteHead + 144);
    EXPECT_EQ(load_le<uint32_t>(&note[kNoteHead + 24]), 3u);
    // ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss
    const uint32_t wanted[] = {0x1003, 0x1001, 0x1002, 0x1006, 0x1007, 0x1005, 0x1000, 0,   0,
                               0x20,   0,      0,      0x2000, 0x10,   0x2001, 0x1004, 0x18};
    for (size_t i = 0; i < std::size(wanted); ++i)
        EXPECT_EQ(load_le<uint32_t>(&note[kNoteHead + 72 + 4 * i]), wanted[i]) << i;
}

TEST(SystemRegisters, haveTheirPlaces) {
    const std::vector<uint8_t> note = system_registers_note(numbered());
    ASSERT_EQ(note.size(), kNoteHead + 440);
    const uint8_t* state = &note[kNoteHead];
    EXPECT_EQ(load_le<uint32_t>(state), 1u);
    EXPECT_EQ(load_le<uint32_t>(state + 4), 440u);
    EXPECT_EQ(load_le<uint64_t>(state + 8), 0x1000u);           // rax
    EXPECT_EQ(load_le<uint64_t>(state + 8 + 8), 0x1003u);       // rbx
    EXPECT_EQ(load_le<uint64_t>(state + 8 + 6 * 8), 0x1004u);   // rsp
    EXPECT_EQ(load_le<uint64_t>(state + 8 + 16 * 8), 0x2000u);  // rip
    constexpr size_t kFs = 8 + 18 * 8 + 3 * 24;
    EXPECT_EQ(load_le<uint32_t>(state + kFs), 0x20u);
    EXPECT_EQ(load_le<uint32_t>(state + kFs + 4), 1u);
    EXPECT_EQ(load_le<uint32_t>(state + kFs + 8), 2u);
    EXPECT_EQ(load_le<uint64_t>(state + kFs + 16), 0xf5u);
    constexpr size_t kControl = 8 + 18 * 8 + 10 * 24;
    EXPECT_EQ(load_le<uint64_t>(state + kControl + 3 * 8), 0xc3u);
    EXPECT_EQ(load_le<uint64_t>(state + kControl + 5 * 8), 0x99u);
}

}  // namespace
}  // namespace vmm
