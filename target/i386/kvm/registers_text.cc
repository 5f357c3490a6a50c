// Printing registers; see registers_text.h.
#include "target/i386/kvm/registers_text.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "target/i386/kvm/core_state.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::kvm {

namespace {

constexpr uint64_t kProtectedMode = 1, kVirtual8086 = 1u << 17;
// Of a descriptor's upper half.
constexpr uint32_t kAttributes = 0x00ffff00;
constexpr uint32_t kAccessed = 1u << 8, kReadableOrWritable = 1u << 9, kConformingOrDown = 1u << 10,
                   kCode = 1u << 11, kNotSystem = 1u << 12, kPresent = 1u << 15, k64Bit = 1u << 21,
                   k32Bit = 1u << 22;

// What decides how wide things are shown.
struct Mode {
    bool protected_mode;  // segments are what their descriptors say
    bool long_mode;
    bool code_64;
};

Mode mode_of(const X86Registers& r) {
    return {.protected_mode = (r.cr0 & kProtectedMode) != 0 && (r.rflags & kVirtual8086) == 0,
            .long_mode = r.long_mode(),
            .code_64 = r.long_mode() && (r.cs.attributes & k64Bit) != 0};
}

std::string number(uint64_t value, bool wide) {
    return wide ? strf("%016llx", static_cast<unsigned long long>(value))
                : strf("%08x", static_cast<uint32_t>(value));
}

std::string general_lines(const X86Registers& r, const Mode& mode) {
    using enum X86Registers::Gpr;
    static constexpr std::pair<std::string_view, X86Registers::Gpr> kNames[] = {
        {"AX", Rax}, {"BX", Rbx}, {"CX", Rcx}, {"DX", Rdx}, {"SI", Rsi}, {"DI", Rdi},
        {"BP", Rbp}, {"SP", Rsp}, {"8 ", R8},  {"9 ", R9},  {"10", R10}, {"11", R11},
        {"12", R12}, {"13", R13}, {"14", R14}, {"15", R15}};
    std::string text;
    const size_t count = mode.code_64 ? 16 : 8;
    for (size_t i = 0; i < count; ++i) {
        text += mode.code_64 ? 'R' : 'E';
        text += kNames[i].first;
        text += '=' + number(r.gpr[kNames[i].second], mode.code_64) + (i % 4 == 3 ? '\n' : ' ');
    }
    return text;
}

std::string state_line(const X86Registers& r, const RegistersShown& shown, const Mode& mode) {
    static constexpr std::pair<char, unsigned> kFlags[] = {{'D', 10}, {'O', 11}, {'S', 7}, {'Z', 6},
                                                           {'A', 4},  {'P', 2},  {'C', 0}};
    std::string flags;
    for (const auto& [letter, at] : kFlags)
        flags += (r.rflags >> at & 1) != 0 ? letter : '-';
    const char width = mode.code_64 ? 'R' : 'E';
    return strf("%cIP=%s %cFL=%08x [%s] CPL=%u II=%d A20=1 SMM=%d HLT=%d\n", width,
                number(r.rip, mode.code_64).c_str(), width, static_cast<uint32_t>(r.rflags), flags.c_str(),
                r.ss.attributes >> 13 & 3, shown.interrupt_shadow ? 1 : 0, shown.in_smm ? 1 : 0,
                shown.halted ? 1 : 0);
}

// Segments of the system, by the four bits of their type.
const char* system_kind(uint32_t attributes, bool long_mode) {
    static constexpr const char* kShort[] = {"Reserved",   "TSS16-avl", "LDT",       "TSS16-busy",
                                             "CallGate16", "TaskGate",  "IntGate16", "TrapGate16",
                                             "Reserved",   "TSS32-avl", "Reserved",  "TSS32-busy",
                                             "CallGate32", "Reserved",  "IntGate32", "TrapGate32"};
    static constexpr const char* kLong[] = {"<hiword>",   "Reserved",  "LDT",       "Reserved",
                                            "Reserved",   "Reserved",  "Reserved",  "Reserved",
                                            "Reserved",   "TSS64-avl", "Reserved",  "TSS64-busy",
                                            "CallGate64", "Reserved",  "IntGate64", "TrapGate64"};
    return (long_mode ? kLong : kShort)[attributes >> 8 & 15];
}

std::string segment_kind(uint32_t attributes, bool long_mode) {
    const auto letter = [&](uint32_t which, char c) { return (attributes & which) != 0 ? c : '-'; };
    if ((attributes & kNotSystem) == 0) return system_kind(attributes, long_mode);
    const bool code = (attributes & kCode) != 0;
    const char* name = !code                                ? (attributes & k32Bit) != 0 ? "DS  " : "DS16"
                       : long_mode && (attributes & k64Bit) ? "CS64"
                       : (attributes & k32Bit) != 0         ? "CS32"
                                                            : "CS16";
    return strf("%s [%c%c%c]", name, letter(kConformingOrDown, code ? 'C' : 'E'),
                letter(kReadableOrWritable, code ? 'R' : 'W'), letter(kAccessed, 'A'));
}

std::string segment_line(const char* name, const SegmentRegister& s, const Mode& mode) {
    const uint32_t attributes = s.attributes & kAttributes;
    std::string line = strf("%-3s=%04x %s %08x %08x", name, s.selector, number(s.base, mode.code_64).c_str(),
                            s.limit, attributes);
    if (mode.protected_mode && (attributes & kPresent) != 0)
        line += strf(" DPL=%u %s", attributes >> 13 & 3, segment_kind(attributes, mode.long_mode).c_str());
    return line + '\n';
}

std::string table_line(const char* name, const SegmentRegister& table, const Mode& mode) {
    return strf("%s=     %s %08x\n", name, number(table.base, mode.code_64).c_str(), table.limit);
}

}  // namespace

std::string registers_text(const RegistersShown& shown) {
    const X86Registers r = core_registers(shown.regs, shown.sregs);
    const Mode mode = mode_of(r);
    std::string text = general_lines(r, mode) + state_line(r, shown, mode);
    const std::pair<const char*, const SegmentRegister*> segments[] = {
        {"ES", &r.es}, {"CS", &r.cs}, {"SS", &r.ss},   {"DS", &r.ds},
        {"FS", &r.fs}, {"GS", &r.gs}, {"LDT", &r.ldt}, {"TR", &r.tr}};
    for (const auto& [name, segment] : segments)
        text += segment_line(name, *segment, mode);
    text += table_line("GDT", r.gdt, mode) + table_line("IDT", r.idt, mode);
    text += strf("CR0=%08x CR2=%s CR3=%s CR4=%08x\n", static_cast<uint32_t>(r.cr0),
                 number(r.cr2, mode.code_64).c_str(), number(r.cr3, mode.code_64).c_str(),
                 static_cast<uint32_t>(r.cr4));
    for (unsigned i = 0; i < 4; ++i)
        text += strf("DR%u=%s ", i, number(shown.debug.db[i], true).c_str());
    text += "\nDR6=" + number(shown.debug.dr6, true) + " DR7=" + number(shown.debug.dr7, true);
    return text + "\nEFER=" + number(r.efer, true);
}

// The first 512 bytes of the area are what FXSAVE writes. Intel SDM 1, 10.5.1.
std::string vector_registers_text(const RegistersShown& shown) {
    constexpr size_t kControl = 0, kStatus = 2, kTags = 4, kMxcsr = 24, kFloatingPoint = 32, kVectors = 160;
    const auto area = bytes_of(shown.fpu.region);
    const auto load = [&]<typename T>(size_t at, T value) {
        std::memcpy(&value, &area[at], sizeof value);
        return value;
    };
    const auto status = load(kStatus, uint16_t{});
    std::string text = strf("FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", load(kControl, uint16_t{}),
                            status, status >> 11 & 7u, load(kTags, uint8_t{}), load(kMxcsr, uint32_t{}));
    for (unsigned i = 0; i < 8; ++i) {
        const size_t at = kFloatingPoint + 16 * i;
        text += strf("FPR%u=%s %04x%c", i, number(load(at, uint64_t{}), true).c_str(),
                     load(at + 8, uint16_t{}), i % 2 != 0 ? '\n' : ' ');
    }
    const unsigned vectors = mode_of(core_registers(shown.regs, shown.sregs)).code_64 ? 16 : 8;
    for (unsigned i = 0; i < vectors; ++i) {
        const size_t at = kVectors + 16 * i;
        text += strf("XMM%02u=%s %s%s", i, number(load(at + 8, uint64_t{}), true).c_str(),
                     number(load(at, uint64_t{}), true).c_str(),
                     i + 1 == vectors ? ""
                     : i % 2 != 0     ? "\n"
                                      : " ");
    }
    return text;
}

}  // namespace vmm::kvm
