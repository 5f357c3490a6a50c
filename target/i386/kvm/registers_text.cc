// Printing registers; see registers_text.h.
#include "target/i386/kvm/registers_text.h"

#include "util/text.h"

namespace vmm::kvm {

namespace {
unsigned long long wide(uint64_t value) {
    return value;
}

std::string segment_line(const char* name, const kvm_segment& s) {
    return strf("%-3s %04x base %016llx limit %08x type %x%s dpl %u%s%s%s%s\n", name, s.selector,
                wide(s.base), s.limit, s.type, s.s != 0 ? "" : " system", s.dpl,
                s.present != 0 ? "" : " absent", s.l != 0 ? " 64-bit" : "", s.db != 0 ? " 32-bit" : "",
                s.g != 0 ? " pages" : "");
}
}  // namespace

std::string registers_text(const kvm_regs& r, const kvm_sregs& s) {
    std::string text;
    text += strf("rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", wide(r.rax), wide(r.rbx), wide(r.rcx),
                 wide(r.rdx));
    text += strf("rsi %016llx rdi %016llx rbp %016llx rsp %016llx\n", wide(r.rsi), wide(r.rdi), wide(r.rbp),
                 wide(r.rsp));
    text += strf("r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n", wide(r.r8), wide(r.r9), wide(r.r10),
                 wide(r.r11));
    text += strf("r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n", wide(r.r12), wide(r.r13), wide(r.r14),
                 wide(r.r15));
    text += strf("rip %016llx rflags %08llx\n", wide(r.rip), wide(r.rflags));
    const std::pair<const char*, const kvm_segment*> segments[] = {
        {"cs", &s.cs}, {"ss", &s.ss}, {"ds", &s.ds},   {"es", &s.es},
        {"fs", &s.fs}, {"gs", &s.gs}, {"ldt", &s.ldt}, {"tr", &s.tr}};
    for (const auto& [name, segment] : segments)
        text += segment_line(name, *segment);
    text += strf("gdt %016llx limit %04x  idt %016llx limit %04x\n", wide(s.gdt.base), s.gdt.limit,
                 wide(s.idt.base), s.idt.limit);
    text += strf("cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx apic %016llx", wide(s.cr0),
                 wide(s.cr2), wide(s.cr3), wide(s.cr4), wide(s.efer), wide(s.apic_base));
    return text;
}

}  // namespace vmm::kvm
