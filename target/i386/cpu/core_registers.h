// X86Registers: what a memory dump tells of a processor, and the two ELF notes that tell it: NT_PRSTATUS,
// which debuggers read, and QEMU's own note with the system registers, which crash reads. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vmm {

struct SegmentRegister {
    uint16_t selector = 0;
    uint32_t limit = 0;
    uint32_t attributes = 0;  // the upper half of a descriptor: type in bits 8-11, G in bit 23
    uint64_t base = 0;
};

// As they are after a reset, until told otherwise.
struct X86Registers {
    enum Gpr { Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15 };
    std::array<uint64_t, 16> gpr{};
    uint64_t rip = 0xfff0;
    uint64_t rflags = 2;
    SegmentRegister cs{.selector = 0xf000, .limit = 0xffff, .attributes = 0x9b00, .base = 0xffff0000};
    SegmentRegister ds, es, fs, gs, ss, ldt, tr, gdt, idt;
    uint64_t cr0 = 0x60000010, cr2 = 0, cr3 = 0, cr4 = 0, efer = 0;
    uint64_t kernel_gs_base = 0;

    bool long_mode() const { return (efer & (uint64_t{1} << 10)) != 0; }
    bool paging() const { return (cr0 & (uint64_t{1} << 31)) != 0; }
};

// An ELF note: name and contents, each padded to four bytes.
std::vector<uint8_t> make_note(std::string_view name, uint32_t type, std::span<const uint8_t> contents);

enum class CoreWidth : uint8_t { Bits32, Bits64 };
// process: the number that stands for the processor's thread, from 1 on.
std::vector<uint8_t> prstatus_note(const X86Registers& registers, uint32_t process, CoreWidth width);
std::vector<uint8_t> system_registers_note(const X86Registers& registers);

}  // namespace vmm
