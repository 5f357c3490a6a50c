// A multiboot kernel that sleeps in ACPI S3 and goes on at its waking vector. It finds the FACS as simple kernels do: the RSDP by scanning
// 0xe0000-0xfffff, then the RSDT. With "alarm" on its command line the clock's alarm wakes it within two seconds. Ends through the exit
// port: 16 when memory is as it was, no instruction ran after the one that slept, and the status register says that it woke.
#include "kernel.h"

static u8 stack[4096] __attribute__((used, aligned(16)));
enum { MARKER = 0x900, VECTOR = 0x1000, ASLEEP = 0x5a5a5a5a };

__asm__(
    ".text\n"
    ".balign 4\n"
    ".long 0x1badb002, 3, -(0x1badb002 + 3)\n"
    ".globl _start\n"
    "_start:\n"
    "  movl $stack + 4096, %esp\n"
    "  pushl %ebx\n"
    "  call sleep_main\n"
    ".code16\n"
    "woken:\n"
    "  movb $'W', %al\n"
    "  outb %al, $0xe9\n"
    "  cmpl $0x5a5a5a5a, 0x900\n"
    "  jne 1f\n"
    "  movw $0x600, %dx\n"
    "  inw %dx, %ax\n"
    "  andw $0x8400, %ax\n"
    "  cmpw 0x904, %ax\n"
    "  jne 1f\n"
    "  movb $16, %al\n"
    "  outb %al, $0xf4\n"
    "1: movb $17, %al\n"
    "  outb %al, $0xf4\n"
    "2: hlt\n"
    "  jmp 2b\n"
    "woken_end:\n"
    ".code32\n");
extern const u8 woken[], woken_end[];

__attribute__((noreturn)) static void fail(const char *why) {
    put(why);
    put("\n");
    end(17);
}

static u32 at32(u32 address) { return *(const volatile u32 *)address; }

static u32 fadt(void) {
    u32 rsdp = 0xe0000;
    while (at32(rsdp) != 0x20445352 || at32(rsdp + 4) != 0x20525450) {  // "RSD PTR "
        rsdp += 16;
        if (rsdp == 0x100000) fail("no RSDP");
    }
    const u32 rsdt = at32(rsdp + 16), end = rsdt + at32(rsdt + 4);
    for (u32 at = rsdt + 36; at < end; at += 4)
        if (at32(at32(at)) == 0x50434146) return at32(at);  // "FACP"
    fail("no FADT");
}

static void clock_register(u8 index, u8 value) {
    out8(0x70, index);
    out8(0x71, value);
}

__attribute__((used)) void sleep_main(const u32 *information) {
    const u32 table = fadt(), facs = at32(table + 36);
    if (at32(facs) != 0x53434146) fail("no FACS");
    *(volatile u32 *)(facs + 12) = VECTOR;
    for (u32 i = 0; i < (u32)(woken_end - woken); i++) ((volatile u8 *)VECTOR)[i] = woken[i];
    int alarm = 0;
    for (const char *text = (const char *)information[4]; *text; text++) alarm |= text[0] == ' ' && text[1] == 'a';
    *(volatile u32 *)(MARKER + 4) = alarm ? 0x8400 : 0x8000;
    if (alarm) {
        out16((u16)(at32(table + 56) + 2), 0x400);  // the alarm may wake
        for (u8 index = 1; index <= 5; index += 2) clock_register(index, 0xc0);  // every second
        out8(0x70, 12);
        in8(0x71);
        clock_register(11, 0x22);  // alarm interrupt, 24 hours
    }
    put("sleeps\n");
    *(volatile u32 *)MARKER = ASLEEP;
    out16((u16)at32(table + 64), 0x2400);
    *(volatile u32 *)MARKER = 0;
    for (;;) __asm__ volatile("hlt");
}
