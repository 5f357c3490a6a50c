// Reset states and text: pure functions against the architecture's tables.
#include <gtest/gtest.h>

#include <cstring>

#include "target/i386/kvm/lapic.h"
#include "target/i386/kvm/registers_text.h"
#include "target/i386/kvm/regs.h"
#include "target/i386/kvm/xsave.h"

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

TEST(RegistersText, namesWhatAPersonLooksFor) {
    kvm_regs regs = reset_regs(0x663);
    regs.rax = 0x1122334455667788;
    std::string text = registers_text(regs, reset_sregs(true));
    EXPECT_NE(text.find("rax 1122334455667788"), std::string::npos);
    EXPECT_NE(text.find("rip 000000000000fff0"), std::string::npos);
    EXPECT_NE(text.find("cs  f000 base 00000000ffff0000"), std::string::npos);
    EXPECT_NE(text.find("cr0 60000010"), std::string::npos);
}

}  // namespace
}  // namespace vmm::kvm
