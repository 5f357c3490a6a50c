// From the reset vector to 64-bit C: real mode, protected mode, long mode with 2 MiB identity pages.
//
// Memory that it uses: 0x8000 the AP trampoline, 0x10000 PML4, 0x11000 PDPT, 0x12000.. one page directory a GiB, 0x20000 variables,
// stacks below 0x80000 (vCPU 0) and 0x70000 (a second one). All code stays in the ROM: KVM fetches an instruction that it emulates, and walks
// the page tables to find it, on the shared side only. A guest whose RAM starts private (PROTECTED) therefore shares its page tables first,
// which takes no emulation while paging is off; its stacks stay private.

#define GIB_MAPPED 12
#define PML4 0x10000
#define PDPT 0x11000
#define PAGE_DIRECTORIES 0x12000

    .section .reset, "ax"
    .code16
    .globl reset_vector
reset_vector:
    jmp start16
    hlt

    .section .text.start, "ax"
start16:
    cli
    cld
    data32 lgdt %cs:(gdt_pointer - 0xffff0000)
    movl %cr0, %eax
    orl $1, %eax
    andl $0x9fffffff, %eax      // caches on
    movl %eax, %cr0
    ljmpl $8, $start32

    .code32
start32:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $0x80000, %esp
#ifdef PROTECTED
    xorl %eax, %eax
    cpuid
    cmpl $0x756e6547, %ebx      // the vendor's instruction for hypercalls
    movl $12, %eax              // KVM_HC_MAP_GPA_RANGE: address, pages, shared
    movl $PML4, %ebx
    movl $(2 + GIB_MAPPED), %ecx
    movl $0, %edx
    je 5f
    vmmcall
    jmp 6f
5:  vmcall
6:  testl %eax, %eax
    jz 8f
    movl $refused, %esi         // say so without memory
7:  movb (%esi), %al
    outb %al, $0xe9
    incl %esi
    testb %al, %al
    jnz 7b
    movl $0x11, %eax
    outl %eax, $0xf4
    hlt
refused:
    .asciz "FAIL: the page tables could not be made shared\n"
8:
#endif
    // Zero the tables and the variables.
    xorl %eax, %eax
    movl $PML4, %edi
    movl $(2 * 4096 / 4), %ecx
    rep stosl
    movl $bss_start, %edi
    movl $bss_end, %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    rep stosl
    movl $(PDPT + 3), PML4
    // One directory a GiB: 2 MiB pages, writable.
    movl $PDPT, %edi
    movl $(PAGE_DIRECTORIES + 3), %eax
    movl $GIB_MAPPED, %ecx
1:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 1b
    movl $PAGE_DIRECTORIES, %edi
    movl $0x83, %eax
    xorl %edx, %edx
    movl $(GIB_MAPPED * 512), %ecx
2:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x200000, %eax
    adcl $0, %edx
    addl $8, %edi
    loop 2b
    movl $0, %ebp               // vCPU 0
    jmp enter_long_mode

// The second processor arrives here from its trampoline, in protected mode.
    .globl ap_start32
ap_start32:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $0x70000, %esp
    movl $1, %ebp

enter_long_mode:
    movl $PML4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax             // PAE
    movl %eax, %cr4
    movl $0xc0000080, %ecx      // EFER.LME
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmpl $24, $start64

    .code64
start64:
    movl %ebp, %edi
    call start_c
    cli
    hlt
    jmp . - 1

// Exceptions: eight bytes each, told apart by the address that the call leaves on the stack.
    .balign 8
    .globl exception_entries
exception_entries:
    .rept 32
    call exception_common
    .balign 8
    .endr
exception_common:
    movq (%rsp), %rdi           // of the entry; then the processor's frame
    leaq 8(%rsp), %rsi
    movq %cr2, %rdx
    andq $-16, %rsp
    call exception

// Copied to 0x8000: where a start-up IPI with vector 8 begins.
    .code16
    .globl ap_trampoline, ap_trampoline_end
ap_trampoline:
    cli
    cld
    data32 lgdt %cs:(ap_gdt_pointer - ap_trampoline)
    movl %cr0, %eax
    orl $1, %eax
    andl $0x9fffffff, %eax
    movl %eax, %cr0
    ljmpl $8, $ap_start32
ap_gdt_pointer:
    .word 31
    .long gdt
ap_trampoline_end:

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    // 8: 32-bit code
    .quad 0x00cf93000000ffff    // 16: data
    .quad 0x00af9b000000ffff    // 24: 64-bit code
gdt_pointer:
    .word 31
    .long gdt

    .section .patch, "a"
    .globl patch_count
patch_count:
    .quad 0                     // offset 0xff00: rounds; 0 = the guest's own default
    .section .note.GNU-stack, "", @progbits
