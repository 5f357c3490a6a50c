// The common parts of the guests; see guest.h.
#include "guest.h"

enum { DEBUG_CONSOLE = 0xe9, DEBUG_EXIT = 0xf4, EXIT_PASS = 0x10, EXIT_FAIL = 0x11 };
#define LOCAL_APIC 0xfee00000ull

void put_text(const char* text) {
    for (; *text; text++)
        out8(DEBUG_CONSOLE, (u8)*text);
}

void put_number(u64 value) {
    put_text("0x");
    int shift = 60;
    while (shift > 0 && (value >> shift & 15) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        out8(DEBUG_CONSOLE, (u8) "0123456789abcdef"[value >> shift & 15]);
}

void put_decimal(u64 value) {
    if (value >= 10) put_decimal(value / 10);
    out8(DEBUG_CONSOLE, (u8)('0' + value % 10));
}

void put_line(const char* text, u64 value) {
    put_text(text);
    put_text(" ");
    put_number(value);
    put_text("\n");
}

static _Noreturn void leave(u32 code) {
    out32(DEBUG_EXIT, code);
    for (;;)
        __asm__ volatile("cli; hlt");  // no exit device: the last line still tells
}

void pass(void) {
    put_text("PASS ");
    put_text(guest_name);
    put_text("\n");
    leave(EXIT_PASS);
}

void fail(const char* what, u64 got, u64 wanted) {
    put_text("FAIL ");
    put_text(guest_name);
    put_text(": ");
    put_text(what);
    put_text(": got ");
    put_number(got);
    put_text(", wanted ");
    put_number(wanted);
    put_text("\n");
    leave(EXIT_FAIL);
}

void check(const char* what, u64 got, u64 wanted) {
    if (got != wanted) fail(what, got, wanted);
}

void check_that(const char* what, bool holds) {
    if (!holds) fail(what, 0, 1);
}

u8 cmos_read(u8 index) {
    out8(0x70, index | 0x80);
    return in8(0x71);
}

void cmos_write(u8 index, u8 value) {
    out8(0x70, index | 0x80);
    out8(0x71, value);
}

u64 ram_below_4g(void) {
    return 16 * MIB + (cmos_read(0x34) | (u64)cmos_read(0x35) << 8) * 65536;
}

u64 ram_above_4g(void) {
    return (cmos_read(0x5b) | (u64)cmos_read(0x5c) << 8 | (u64)cmos_read(0x5d) << 16) * 65536;
}

void set_shadow(enum shadow state) {
    out32(0xcf8, 0x80000090);  // bus 0, device 0: PAM0
    out8(0xcfc, (u8)state);
}

// An exception ends the guest with a line that says where; there are no others to handle.
struct gate {
    u16 offset_low, selector;
    u8 stack, type;
    u16 offset_middle;
    u32 offset_high, reserved;
};
static struct gate gates[32];
extern const u8 exception_entries[];

void exception(u64 entry, const u64* frame, u64 cr2) {
    const u64 vector = (entry - (u64)exception_entries) / 8;
    const bool has_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    put_line("vCPU", apic_id());
    put_line("exception", vector);
    put_line("error code", has_code ? *frame++ : 0);
    put_line("at", frame[0]);
    put_line("stack", frame[3]);
    put_line("CR2", cr2);
    fail("exception", vector, 0);
}

static void catch_exceptions(void) {
    for (u64 i = 0; i < 32; i++) {
        const u64 at = (u64)exception_entries + 8 * i;
        gates[i] = (struct gate){.offset_low = (u16)at,
                                 .selector = 24,
                                 .type = 0x8e,
                                 .offset_middle = (u16)(at >> 16),
                                 .offset_high = (u32)(at >> 32)};
    }
    const struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) table = {sizeof gates - 1, (u64)gates};
    __asm__ volatile("lidt %0" ::"m"(table));
}

// From start.S, on either processor.
void start_c(u32 second) {
    catch_exceptions();
    if (second) {
        ap_main();
        return;
    }
    guest_main();
    pass();
}

__attribute__((weak)) void ap_main(void) {}

static bool vendor_is_intel(void) {
    u32 eax = 0, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx == 0x756e6547;
}

static long hypercall(u64 number, u64 a0, u64 a1, u64 a2) {
    long result;
    if (vendor_is_intel())
        __asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(a0), "c"(a1), "d"(a2) : "memory");
    else
        __asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(a0), "c"(a1), "d"(a2) : "memory");
    return result;
}

long convert(u64 gpa, u64 pages, enum visibility to) {
    enum { KVM_HC_MAP_GPA_RANGE = 12, ATTRIBUTE_PRIVATE = 1 << 4 };
    return hypercall(KVM_HC_MAP_GPA_RANGE, gpa, pages, to == PRIVATE ? ATTRIBUTE_PRIVATE : 0);
}

void must_convert(u64 gpa, u64 pages, enum visibility to) {
    const long result = convert(gpa, pages, to);
    if (result == 0) return;
    put_line("converting from", gpa);
    put_line("pages", pages);
    fail(to == PRIVATE ? "conversion to private" : "conversion to shared", (u64)result, 0);
}

u32 apic_id(void) {
    return read32(LOCAL_APIC + 0x20) >> 24;
}

static void send_ipi(u32 to, u32 command) {
    write32(LOCAL_APIC + 0x310, to << 24);
    write32(LOCAL_APIC + 0x300, command);
    while (read32(LOCAL_APIC + 0x300) & 1u << 12)
        pause();
}

void start_second_cpu(void) {
    extern const u8 ap_trampoline[], ap_trampoline_end[];
    const u64 at = 0x8000;
    for (u64 i = 0; ap_trampoline + i < ap_trampoline_end; i++)
        write8(at + i, ap_trampoline[i]);
    write32(LOCAL_APIC + 0xf0, 0x1ff);  // software enable
    send_ipi(1, 0x4500);                // INIT
    for (int i = 0; i < 1000; i++)
        in8(0x61);
    send_ipi(1, 0x4600 | (u32)(at / PAGE));  // start-up, vector 8
}

u64 rounds(u64 otherwise) {
    return patch_count != 0 ? patch_count : otherwise;
}

u64 median(u64* samples, u64 count) {
    for (u64 gap = count / 2; gap > 0; gap /= 2)
        for (u64 i = gap; i < count; i++) {
            u64 value = samples[i], at = i;
            for (; at >= gap && samples[at - gap] > value; at -= gap)
                samples[at] = samples[at - gap];
            samples[at] = value;
        }
    return samples[count / 2];
}

enum { RESET_COUNTER = 0x7a, RESET_MARK = 0x7b };

u8 resets_so_far(void) {
    if (cmos_read(RESET_MARK) != 0xa5) {
        cmos_write(RESET_MARK, 0xa5);
        cmos_write(RESET_COUNTER, 0);
    }
    const u8 count = cmos_read(RESET_COUNTER);
    cmos_write(RESET_COUNTER, (u8)(count + 1));
    put_text("resets ");
    put_decimal(count);
    put_text("\n");
    return count;
}

void end_reset_count(void) {
    cmos_write(RESET_MARK, 0);
}

_Noreturn void must_be_reset(const char* way) {
    for (u64 i = 0; i < 2000000; i++)
        in8(0x61);
    fail(way, 0, 1);
}
