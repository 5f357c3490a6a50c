// Building save areas; see vmsa.h.
#include "target/i386/confidential/sev/vmsa.h"

#include "util/endian.h"

namespace vmm::sev {

namespace {

// Offsets in the save area.
constexpr size_t kEs = 0, kCs = 0x10, kSs = 0x20, kDs = 0x30, kFs = 0x40, kGs = 0x50, kGdtr = 0x60,
                 kLdtr = 0x70, kIdtr = 0x80, kTr = 0x90, kEfer = 0xd0, kCr4 = 0x148, kCr3 = 0x150,
                 kCr0 = 0x158, kDr7 = 0x160, kDr6 = 0x168, kRflags = 0x170, kRip = 0x178, kRsp = 0x1d8,
                 kRax = 0x1f8, kCr2 = 0x240, kPat = 0x268, kRcx = 0x308, kRdx = 0x310, kRbx = 0x318,
                 kRbp = 0x328, kRsi = 0x330, kRdi = 0x338, kR8 = 0x340, kSevFeatures = 0x3b0, kXcr0 = 0x3e8,
                 kMxcsr = 0x408, kFcw = 0x410;

constexpr uint64_t kEferSvme = 1u << 12;       // set while the guest runs
constexpr uint64_t kCr4Mce = 1u << 6;          // the host's
constexpr uint64_t kCr0CacheOff = 0x60000000;  // CD, NW: KVM clears them

void put64(VmsaPage& page, size_t at, uint64_t value) {
    store_le(&page[at], value);
}

// {selector, packed attributes, limit, base}
void put_segment(VmsaPage& page, size_t at, const kvm_segment& s) {
    const auto attributes = static_cast<uint16_t>(s.type | s.s << 4 | s.dpl << 5 | s.present << 7 |
                                                  s.avl << 8 | s.l << 9 | s.db << 10 | s.g << 11);
    store_le(&page[at], s.selector);
    store_le(&page[at + 2], attributes);
    store_le(&page[at + 4], s.limit);
    put64(page, at + 8, s.base);
}

void put_table(VmsaPage& page, size_t at, const kvm_dtable& t) {
    store_le(&page[at + 4], uint32_t{t.limit});
    put64(page, at + 8, t.base);
}

void put_general(VmsaPage& page, const kvm_regs& r) {
    put64(page, kRflags, r.rflags);
    put64(page, kRip, r.rip);
    put64(page, kRsp, r.rsp);
    put64(page, kRax, r.rax);
    put64(page, kRcx, r.rcx);
    put64(page, kRdx, r.rdx);
    put64(page, kRbx, r.rbx);
    put64(page, kRbp, r.rbp);
    put64(page, kRsi, r.rsi);
    put64(page, kRdi, r.rdi);
    size_t at = kR8;
    for (const uint64_t value : {r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15}) {
        put64(page, at, value);
        at += 8;
    }
}

}  // namespace

VmsaPage build_vmsa(const VmsaInputs& in) {
    VmsaPage page{};
    const kvm_sregs& s = in.sregs;
    put_segment(page, kEs, s.es);
    put_segment(page, kCs, s.cs);
    put_segment(page, kSs, s.ss);
    put_segment(page, kDs, s.ds);
    put_segment(page, kFs, s.fs);
    put_segment(page, kGs, s.gs);
    put_segment(page, kLdtr, s.ldt);
    put_segment(page, kTr, s.tr);
    put_table(page, kGdtr, s.gdt);
    put_table(page, kIdtr, s.idt);
    put64(page, kEfer, s.efer | kEferSvme);
    put64(page, kCr0, s.cr0 & ~kCr0CacheOff);
    put64(page, kCr2, s.cr2);
    put64(page, kCr3, s.cr3);
    put64(page, kCr4, s.cr4 | kCr4Mce);
    put64(page, kDr6, in.dr6);
    put64(page, kDr7, in.dr7);
    put64(page, kPat, in.pat);
    put_general(page, in.regs);
    put64(page, kSevFeatures, in.sev_features);
    put64(page, kXcr0, in.xcr0);
    if (in.fpu_synced) {
        store_le(&page[kMxcsr], uint32_t{0x1f80});
        store_le(&page[kFcw], uint16_t{0x37f});
    }
    return page;
}

}  // namespace vmm::sev
