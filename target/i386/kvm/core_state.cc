// KVM's registers as dumps have them; see core_state.h.
#include "target/i386/kvm/core_state.h"

#include "accel/kvm/list_block.h"

namespace vmm::kvm {

namespace {

SegmentRegister segment_of(const kvm_segment& s) {
    const auto bit = [](unsigned value, unsigned at) { return static_cast<uint32_t>(value & 1) << at; };
    if (s.unusable != 0) return {.selector = s.selector, .limit = s.limit, .attributes = 0, .base = s.base};
    return {.selector = s.selector,
            .limit = s.limit,
            .attributes = (s.type & 0xfu) << 8 | bit(s.s, 12) | (s.dpl & 3u) << 13 | bit(s.present, 15) |
                          bit(s.avl, 20) | bit(s.l, 21) | bit(s.db, 22) | bit(s.g, 23),
            .base = s.base};
}

SegmentRegister table_of(const kvm_dtable& table) {
    return {.selector = 0, .limit = table.limit, .attributes = 0, .base = table.base};
}

// 0 where the guest has no such register.
uint64_t read_msr(Vcpu& vcpu, uint32_t index) {
    ListBlock<abi::MsrValues, kvm_msr_entry> list(1);
    list.head().count = 1;
    list.entries(1)[0].index = index;
    Result<int> done = vcpu.ioctl<abi::kGetMsrs>(list.head());
    return done && *done == 1 ? uint64_t{list.entries(1)[0].data} : 0;
}

}  // namespace

X86Registers core_registers(const kvm_regs& r, const kvm_sregs& s) {
    X86Registers out;
    out.gpr = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
               r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
    out.rip = r.rip;
    out.rflags = r.rflags;
    out.cs = segment_of(s.cs);
    out.ds = segment_of(s.ds);
    out.es = segment_of(s.es);
    out.fs = segment_of(s.fs);
    out.gs = segment_of(s.gs);
    out.ss = segment_of(s.ss);
    out.ldt = segment_of(s.ldt);
    out.tr = segment_of(s.tr);
    out.gdt = table_of(s.gdt);
    out.idt = table_of(s.idt);
    out.cr0 = s.cr0;
    out.cr2 = s.cr2;
    out.cr3 = s.cr3;
    out.cr4 = s.cr4;
    out.efer = s.efer;
    return out;
}

Result<X86Registers> read_registers(Vcpu& vcpu) {
    constexpr uint32_t kKernelGsBase = 0xc0000102;
    kvm_regs regs{};
    kvm_sregs sregs{};
    TRY(vcpu.ioctl<KVM_GET_REGS>(regs));
    TRY(vcpu.ioctl<KVM_GET_SREGS>(sregs));
    X86Registers out = core_registers(regs, sregs);
    out.kernel_gs_base = read_msr(vcpu, kKernelGsBase);
    return out;
}

}  // namespace vmm::kvm
