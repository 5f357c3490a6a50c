// Register states; see regs.h.
#include "target/i386/kvm/regs.h"

#include "util/bits.h"

namespace vmm::kvm {

namespace {
constexpr uint64_t kApicBase = 0xfee00000;
constexpr uint64_t kApicEnabled = 1u << 11;
constexpr uint64_t kApicBootProcessor = 1u << 8;
constexpr uint64_t kCr0Reset = 0x60000010;  // CD, NW, ET

constexpr uint16_t kCodeReadAccessed = 0x9b;
constexpr uint16_t kDataWriteAccessed = 0x93;
constexpr uint16_t kLdt = 0x82;
constexpr uint16_t kBusyTss = 0x8b;
}  // namespace

kvm_segment make_segment(uint16_t selector, uint64_t base, uint32_t limit, uint16_t attributes) {
    kvm_segment segment{};
    segment.selector = selector;
    segment.base = base;
    segment.limit = limit;
    segment.type = static_cast<uint8_t>(Bits<3, 0>::get(attributes));
    segment.s = static_cast<uint8_t>(Bits<4>::get(attributes));
    segment.dpl = static_cast<uint8_t>(Bits<6, 5>::get(attributes));
    segment.present = static_cast<uint8_t>(Bits<7>::get(attributes));
    segment.avl = static_cast<uint8_t>(Bits<12>::get(attributes));
    segment.l = static_cast<uint8_t>(Bits<13>::get(attributes));
    segment.db = static_cast<uint8_t>(Bits<14>::get(attributes));
    segment.g = static_cast<uint8_t>(Bits<15>::get(attributes));
    segment.unusable = segment.present == 0 ? 1 : 0;
    return segment;
}

kvm_regs reset_regs(uint32_t signature) {
    kvm_regs regs{};
    regs.rip = 0xfff0;
    regs.rflags = 2;
    regs.rdx = signature;
    return regs;
}

kvm_sregs reset_sregs(bool boot_processor) {
    kvm_sregs sregs{};
    sregs.cs = make_segment(0xf000, 0xffff0000, 0xffff, kCodeReadAccessed);
    for (kvm_segment* data : {&sregs.ds, &sregs.es, &sregs.fs, &sregs.gs, &sregs.ss})
        *data = make_segment(0, 0, 0xffff, kDataWriteAccessed);
    sregs.ldt = make_segment(0, 0, 0xffff, kLdt);
    sregs.tr = make_segment(0, 0, 0xffff, kBusyTss);
    sregs.gdt.limit = 0xffff;
    sregs.idt.limit = 0xffff;
    sregs.cr0 = kCr0Reset;
    sregs.apic_base = kApicBase | kApicEnabled | (boot_processor ? kApicBootProcessor : 0);
    return sregs;
}

kvm_regs boot_regs(const BootState& boot) {
    kvm_regs regs{};
    regs.rip = boot.rip;
    regs.rsp = boot.rsp;
    regs.rax = boot.rax;
    regs.rbx = boot.rbx;
    regs.rcx = boot.rcx;
    regs.rdx = boot.rdx;
    regs.rsi = boot.rsi;
    regs.rdi = boot.rdi;
    regs.rbp = boot.rbp;
    decltype(regs.r8)* const numbered[] = {&regs.r8,  &regs.r9,  &regs.r10, &regs.r11,
                                           &regs.r12, &regs.r13, &regs.r14, &regs.r15};
    for (size_t i = 0; i < boot.r8_to_r15.size(); ++i)
        *numbered[i] = boot.r8_to_r15[i];
    regs.rflags = boot.rflags;
    return regs;
}

kvm_sregs boot_sregs(const BootState& boot, kvm_sregs sregs) {
    auto segment = [](const BootSegment& s) {
        return make_segment(s.selector, s.base, s.limit, s.attributes);
    };
    sregs.cs = segment(boot.code);
    for (kvm_segment* data : {&sregs.ds, &sregs.es, &sregs.fs, &sregs.gs, &sregs.ss})
        *data = segment(boot.data);
    if (const auto& each = boot.data_segments) {
        sregs.ds = segment(each->ds);
        sregs.es = segment(each->es);
        sregs.fs = segment(each->fs);
        sregs.gs = segment(each->gs);
        sregs.ss = segment(each->ss);
    }
    if (boot.local) sregs.ldt = segment(*boot.local);
    sregs.tr = segment(boot.task);
    sregs.gdt.base = boot.gdt.base;
    sregs.gdt.limit = boot.gdt.limit;
    sregs.idt.base = boot.idt.base;
    sregs.idt.limit = boot.idt.limit;
    sregs.cr0 = boot.cr0;
    sregs.cr3 = boot.cr3;
    sregs.cr4 = boot.cr4;
    sregs.efer = boot.efer;
    return sregs;
}

}  // namespace vmm::kvm
