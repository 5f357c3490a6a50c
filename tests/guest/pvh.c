// A kernel that is entered by the PVH protocol (ELF note XEN_ELFNOTE_PHYS32_ENTRY): 32-bit protected mode, flat segments, paging off, EBX = the
// start information. Prints what it was given to the debug console and ends through the exit port. Specification: Xen's
// "x86/HVM direct boot ABI", hvm_start_info version 1.
#include "kernel.h"

struct start_info {
    u32 magic, version, flags, modules;
    u64 module_list, command_line, rsdp, memory_map;
    u32 memory_map_entries, reserved;
};
struct module {
    u64 address, size, command_line, reserved;
};
struct memory_map_entry {
    u64 address, size;
    u32 type, reserved;
};

static u8 stack[4096] __attribute__((used, aligned(16)));

// No section for data may be assumed loaded but those of the ELF file: the stack is one of them.
__asm__(
    ".section .note.Xen, \"a\", @note\n"
    ".long 4, 4, 18\n"
    ".asciz \"Xen\"\n"
    ".long entry\n"
    ".text\n"
    ".globl entry\n"
    "entry:\n"
    "  cli\n"
    "  movl $stack + 4096, %esp\n"
    "  movl %cr0, %eax\n"
    "  pushl %eax\n"
    "  pushl %ebx\n"
    "  call pvh_main\n");

static void *at(u64 address) { return (void *)(u32)address; }

__attribute__((used)) void pvh_main(const struct start_info *info, u32 cr0) {
    line("magic ", info->magic);
    line("version ", info->version);
    line("cr0.pg ", cr0 >> 31);
    put("command line '");
    put(at(info->command_line));
    put("'\n");
    const struct module *modules = at(info->module_list);
    for (u32 i = 0; i < info->modules; i++) {
        line("module of ", modules[i].size);
        line("starts with ", *(u8 *)at(modules[i].address));
    }
    const struct memory_map_entry *map = at(info->memory_map);
    u64 ram = 0;
    for (u32 i = 0; i < info->memory_map_entries; i++)
        if (map[i].type == 1) ram += map[i].size;
    line("ram mib ", (ram + (1 << 20) - 1) >> 20);
    const char *rsdp = at(info->rsdp);
    put("rsdp '");
    for (int i = 0; i < 8; i++) out8(0xe9, (u8)rsdp[i]);
    put("'\nPASS pvh\n");
    end(16);
}
