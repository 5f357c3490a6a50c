// The notes of a processor in a memory dump; see core_registers.h. NT_PRSTATUS is Linux's struct elf_prstatus
// of the width: only the process number and the registers are filled in.
#include "target/i386/cpu/core_registers.h"

#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm {

namespace {

using Bytes = std::vector<uint8_t>;
using R = X86Registers;

void put32(Bytes& out, uint64_t value) {
    const size_t at = out.size();
    out.resize(at + 4);
    store_le<uint32_t>(&out[at], static_cast<uint32_t>(value));
}

void put64(Bytes& out, uint64_t value) {
    const size_t at = out.size();
    out.resize(at + 8);
    store_le<uint64_t>(&out[at], value);
}

void pad(Bytes& out, size_t alignment) {
    out.resize(align_up(out.size(), alignment));
}

Bytes prstatus64(const X86Registers& r, uint32_t process) {
    constexpr size_t kBeforePid = 32, kBeforeRegisters = 112;
    Bytes out(kBeforePid);
    put32(out, process);
    out.resize(kBeforeRegisters);
    for (R::Gpr gpr : {R::R15, R::R14, R::R13, R::R12, R::Rbp, R::Rbx, R::R11, R::R10, R::R9, R::R8, R::Rax,
                       R::Rcx, R::Rdx, R::Rsi, R::Rdi})
        put64(out, r.gpr[gpr]);
    put64(out, 0);  // the number of a system call
    put64(out, r.rip);
    put64(out, r.cs.selector);
    put64(out, r.rflags);
    put64(out, r.gpr[R::Rsp]);
    put64(out, r.ss.selector);
    put64(out, r.fs.base);
    put64(out, r.gs.base);
    for (const SegmentRegister* segment : {&r.ds, &r.es, &r.fs, &r.gs})
        put64(out, segment->selector);
    put64(out, 0);  // whether floating-point registers follow
    return out;
}

Bytes prstatus32(const X86Registers& r, uint32_t process) {
    constexpr size_t kBeforePid = 24, kBeforeRegisters = 72;
    Bytes out(kBeforePid);
    put32(out, process);
    out.resize(kBeforeRegisters);
    for (R::Gpr gpr : {R::Rbx, R::Rcx, R::Rdx, R::Rsi, R::Rdi, R::Rbp, R::Rax})
        put32(out, r.gpr[gpr]);
    for (const SegmentRegister* segment : {&r.ds, &r.es, &r.fs, &r.gs})
        put32(out, segment->selector);
    put32(out, 0);
    put32(out, r.rip);
    put32(out, r.cs.selector);
    put32(out, r.rflags);
    put32(out, r.gpr[R::Rsp]);
    put32(out, r.ss.selector);
    put32(out, 0);
    return out;
}

}  // namespace

std::vector<uint8_t> make_note(std::string_view name, uint32_t type, std::span<const uint8_t> contents) {
    constexpr size_t kAlignment = 4;
    Bytes out;
    put32(out, name.size() + 1);
    put32(out, contents.size());
    put32(out, type);
    out.insert(out.end(), name.begin(), name.end());
    out.push_back(0);
    pad(out, kAlignment);
    out.insert(out.end(), contents.begin(), contents.end());
    pad(out, kAlignment);
    return out;
}

std::vector<uint8_t> prstatus_note(const X86Registers& registers, uint32_t process, CoreWidth width) {
    constexpr uint32_t kPrstatus = 1;
    return make_note(
        "CORE", kPrstatus,
        width == CoreWidth::Bits64 ? prstatus64(registers, process) : prstatus32(registers, process));
}

std::vector<uint8_t> system_registers_note(const X86Registers& r) {
    constexpr uint32_t kVersion = 1, kSize = 440;
    Bytes out;
    put32(out, kVersion);
    put32(out, kSize);
    for (R::Gpr gpr : {R::Rax, R::Rbx, R::Rcx, R::Rdx, R::Rsi, R::Rdi, R::Rsp, R::Rbp, R::R8, R::R9, R::R10,
                       R::R11, R::R12, R::R13, R::R14, R::R15})
        put64(out, r.gpr[gpr]);
    put64(out, r.rip);
    put64(out, r.rflags);
    for (const SegmentRegister* segment :
         {&r.cs, &r.ds, &r.es, &r.fs, &r.gs, &r.ss, &r.ldt, &r.tr, &r.gdt, &r.idt}) {
        put32(out, segment->selector);
        put32(out, segment->limit);
        put32(out, segment->attributes);
        put32(out, 0);
        put64(out, segment->base);
    }
    for (uint64_t control : {r.cr0, uint64_t{0}, r.cr2, r.cr3, r.cr4})
        put64(out, control);
    put64(out, r.kernel_gs_base);
    CHECK(out.size() == kSize, "the note has %zu bytes", out.size());
    return make_note("QEMU", 0, out);
}

}  // namespace vmm
