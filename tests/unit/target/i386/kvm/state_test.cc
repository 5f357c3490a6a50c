// Reset states and text: pure functions against the architecture's tables.
#include <gtest/gtest.h>

#include <cstring>

#include "target/i386/kvm/lapic.h"
#include "target/i386/kvm/registers_text.h"
#include "target/i386/kvm/regs.h"
#include "target/i386/kvm/xsave.h"
#include "util/endian.h"

namespace vmm::kvm {
namespace {

TEST(ResetRegs, startAtTheResetVector) {
    kvm_regs regs = reset_regs(0x663);
    kvm_sregs sregs = reset_sregs(true);
    EXPECT_EQ(sregs.cs.base + regs.rip, 0xfffffff0u);
    EXPECT_EQ(regs.rdx, 0x663u);
    EXPECT_EQ(regs.rflags, 2u);
    EXPECT_EQ(sregs.cr0, 0x60000010u);
    EXPECT_EQ(sregs.cs.selector, 0xf000);
    EXPECT_EQ(sregs.apic_base, 0xfee00900u);
    EXPECT_EQ(reset_sregs(false).apic_base, 0xfee00800u);
}

TEST(ResetRegs, segmentAttributesAreADescriptorsBits) {
    kvm_segment s = make_segment(0x10, 0x1000, 0xffffffff, 0xc09b);  // G, D, P, code
    EXPECT_EQ(s.type, 0xb);
    EXPECT_EQ(s.s, 1);
    EXPECT_EQ(s.dpl, 0);
    EXPECT_EQ(s.present, 1);
    EXPECT_EQ(s.db, 1);
    EXPECT_EQ(s.g, 1);
    EXPECT_EQ(s.l, 0);
    EXPECT_EQ(s.unusable, 0);
    kvm_segment long_mode = make_segment(8, 0, 0xffffffff, 0xa0fb);
    EXPECT_EQ(long_mode.l, 1);
    EXPECT_EQ(long_mode.dpl, 3);
    EXPECT_EQ(make_segment(0, 0, 0, 0).unusable, 1);
}

TEST(BootRegs, takeTheLoadersWord) {
    BootState boot;
    boot.rip = 0x1000200;
    boot.rsi = 0x7000;
    boot.code = {0x10, 0, 0xffffffff, 0xa09b};
    boot.data = {0x18, 0, 0xffffffff, 0xc093};
    boot.gdt = {0x500, 0x1f};
    boot.cr0 = 0x80050033;
    boot.cr3 = 0x9000;
    boot.cr4 = 0x20;
    boot.efer = 0x500;
    kvm_sregs sregs = boot_sregs(boot, reset_sregs(true));
    EXPECT_EQ(sregs.cs.l, 1);
    EXPECT_EQ(sregs.gs.selector, 0x18);
    EXPECT_EQ(sregs.gdt.base, 0x500u);
    EXPECT_EQ(sregs.cr3, 0x9000u);
    EXPECT_EQ(sregs.efer, 0x500u);
    EXPECT_EQ(sregs.apic_base, 0xfee00900u);
    EXPECT_EQ(boot_regs(boot).rip, 0x1000200u);
    EXPECT_EQ(boot_regs(boot).rsi, 0x7000u);
}

uint32_t lapic_reg(const kvm_lapic_state& page, unsigned offset) {
    uint32_t value;
    std::memcpy(&value, page.regs + offset, 4);
    return value;
}

TEST(ResetLapic, maskedButForTheBootProcessorsPicLine) {
    kvm_lapic_state page = reset_lapic(3, false);
    EXPECT_EQ(lapic_reg(page, 0x20), 3u << 24);
    EXPECT_EQ(lapic_reg(page, 0xe0), 0xffffffffu);
    EXPECT_EQ(lapic_reg(page, 0xf0), 0xffu);
    for (unsigned offset = 0x320; offset <= 0x370; offset += 0x10)
        EXPECT_EQ(lapic_reg(page, offset), 0x10000u) << offset;
    EXPECT_EQ(lapic_reg(reset_lapic(0, true), 0x350), 0x700u);
}

TEST(ResetXsave, initialControlWords) {
    abi::Xsave area = reset_xsave();
    EXPECT_EQ(area.region[0], 0x37fu);
    EXPECT_EQ(area.region[6], 0x1f80u);
    EXPECT_EQ(area.region[128], 3u);
    EXPECT_EQ(reset_xcrs().xcrs[0].value, 1u);
}

// As QEMU 7.2 shows a processor after a reset.
TEST(RegistersText, isWhatToolsReadAtReset) {
    RegistersShown shown{.regs = reset_regs(0x60fb1), .sregs = reset_sregs(true)};
    shown.debug.dr6 = 0xffff0ff0;
    shown.debug.dr7 = 0x400;
    EXPECT_EQ(registers_text(shown),
              "EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1\n"
              "ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000\n"
              "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"
              "ES =0000 00000000 0000ffff 00009300\n"
              "CS =f000 ffff0000 0000ffff 00009b00\n"
              "SS =0000 00000000 0000ffff 00009300\n"
              "DS =0000 00000000 0000ffff 00009300\n"
              "FS =0000 00000000 0000ffff 00009300\n"
              "GS =0000 00000000 0000ffff 00009300\n"
              "LDT=0000 00000000 0000ffff 00008200\n"
              "TR =0000 00000000 0000ffff 00008b00\n"
              "GDT=     00000000 0000ffff\n"
              "IDT=     00000000 0000ffff\n"
              "CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\n"
              "DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \n"
              "DR6=00000000ffff0ff0 DR7=0000000000000400\n"
              "EFER=0000000000000000");
}

kvm_segment segment(uint16_t selector, uint32_t limit, uint8_t type, bool system) {
    kvm_segment s{};
    s.selector = selector;
    s.limit = limit;
    s.type = type;
    s.s = system ? 0 : 1;
    s.present = 1;
    return s;
}

// A processor in a 64-bit kernel, as QEMU 7.2 shows it.
TEST(RegistersText, isWhatToolsReadInLongMode) {
    RegistersShown shown;
    shown.regs.rax = 0x3586ba0;
    shown.regs.r15 = 0x478ca40;
    shown.regs.rip = 0x4752e69;
    shown.regs.rflags = 0x97;
    shown.sregs.cs = segment(0x10, 0xffffffff, 0xb, false);
    shown.sregs.cs.l = shown.sregs.cs.g = 1;
    shown.sregs.ss = segment(0x18, 0xfff, 3, false);
    shown.sregs.ss.db = shown.sregs.ss.g = 1;
    shown.sregs.ds = segment(0, 0, 3, false);
    shown.sregs.ds.unusable = 1;
    shown.sregs.tr = segment(0x20, 0xfff, 0xb, true);
    shown.sregs.gdt = {.base = 0x4787010, .limit = 0x2f};
    shown.sregs.cr0 = 0x80050033;
    shown.sregs.cr3 = 0x47cd000;
    shown.sregs.efer = 0x500;
    shown.halted = shown.interrupt_shadow = true;
    const std::string text = registers_text(shown);
    for (const char* line :
         {"RAX=0000000003586ba0 RBX=0000000000000000 ", "R8 =0000000000000000 ", " R15=000000000478ca40\n",
          "RIP=0000000004752e69 RFL=00000097 [--S-APC] CPL=0 II=1 A20=1 SMM=0 HLT=1\n",
          "CS =0010 0000000000000000 ffffffff 00a09b00 DPL=0 CS64 [-RA]\n",
          "SS =0018 0000000000000000 00000fff 00c09300 DPL=0 DS   [-WA]\n",
          "DS =0000 0000000000000000 00000000 00000000\n",
          "TR =0020 0000000000000000 00000fff 00008b00 DPL=0 TSS64-busy\n",
          "GDT=     0000000004787010 0000002f\n",
          "CR0=80050033 CR2=0000000000000000 CR3=00000000047cd000 CR4=00000000\n", "EFER=0000000000000500"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(RegistersText, showsFloatingPointAndVectors) {
    RegistersShown shown;
    shown.fpu = reset_xsave();
    const auto area = writable_bytes_of(shown.fpu.region);
    area[3] = 0x38;
    area[32 + 16 + 9] = 0x3f;
    area[32 + 16 + 7] = 0x80;
    area[160 + 16] = 1;
    area[160 + 16 + 15] = 0xff;
    const std::string text = vector_registers_text(shown);
    EXPECT_EQ(text.find("FCW=037f FSW=3800 [ST=7] FTW=00 MXCSR=00001f80\nFPR0=0000000000000000 0000 "
                        "FPR1=8000000000000000 3f00\n"),
              0u);
    EXPECT_NE(text.find(" XMM01=ff00000000000000 0000000000000001\n"), std::string::npos);
    EXPECT_EQ(text.find("XMM08"), std::string::npos);
    EXPECT_NE(text.back(), '\n');
}

}  // namespace
}  // namespace vmm::kvm
