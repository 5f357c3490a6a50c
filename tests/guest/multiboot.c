// A kernel that is entered by the Multiboot 1 protocol (header without address fields, 32-bit ELF): EAX = magic, EBX = information. Prints what
// it was given to the debug console and ends through the exit port. Specification: GNU Multiboot 0.6.96.
#include "kernel.h"

struct information {
    u32 flags, memory_lower, memory_upper, boot_device, command_line, module_count, modules, symbols[4], map_length, map;
};
struct module {
    u32 start, end, text, reserved;
};
struct map_entry {
    u32 size;
    u64 address, length;
    u32 type;
} __attribute__((packed));

static u8 stack[4096] __attribute__((used, aligned(16)));
static u32 must_be_zero[64];

__asm__(
    ".text\n"
    ".balign 4\n"
    ".long 0x1badb002, 3, -(0x1badb002 + 3)\n"
    ".globl _start\n"
    "_start:\n"
    "  movl $stack + 4096, %esp\n"
    "  pushl %ebx\n"
    "  pushl %eax\n"
    "  call multiboot_main\n");

__attribute__((used)) void multiboot_main(u32 magic, const struct information *info) {
    u32 cr0, bss = 0;
    __asm__("movl %%cr0, %0" : "=r"(cr0));
    for (int i = 0; i < 64; i++) bss |= ((volatile u32 *)must_be_zero)[i];
    line("magic ", magic);
    line("cr0 ", cr0 & 0x80000001);
    line("bss ", bss);
    line("flags ", info->flags & 0x4f);
    line("lower ", info->memory_lower);
    put("command line '");
    put((const char *)info->command_line);
    put("'\n");
    const struct module *modules = (const struct module *)info->modules;
    for (u32 i = 0; i < info->module_count; i++) {
        put("module '");
        put((const char *)modules[i].text);
        put("'\n");
        line("page offset ", modules[i].start & 4095);
        line("bytes ", modules[i].end - modules[i].start);
        line("starts with ", *(const u8 *)modules[i].start);
    }
    u64 ram = 0;
    for (u32 at = 0; at < info->map_length;) {
        const struct map_entry *entry = (const struct map_entry *)(info->map + at);
        if (entry->type == 1) ram += entry->length;
        at += entry->size + 4;
    }
    line("ram mib ", (u32)((ram + (1 << 20) - 1) >> 20));
    line("interrupt masks ", in8(0x21) << 8 | in8(0xa1));
    line("interrupts by level ", in8(0x4d1) << 8 | in8(0x4d0));
    out8(0x20, 0x0a);  // what waits
    u32 looks = 0;
    while (!(in8(0x20) & 1) && looks < 1000000) looks++;
    put(looks < 1000000 ? "the timer ticks\n" : "the timer stands still\n");
    put("PASS multiboot\n");
    end(16);
}
