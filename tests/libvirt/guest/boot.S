// The first sector of the test guest's disk: reads the rest of the guest below it with the BIOS, enters long mode and calls C.
#define PML4 0x20000
#define PDPT 0x21000
#define DIRECTORIES 0x22000

    .code16
    .section .text.boot, "ax"
    .globl boot
boot:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    sti
    movb %dl, drive
    movw $0x4200, %ax           // extended read
    movb drive, %dl
    movw $packet, %si
    int $0x13
    jc failed
    cli
    inb $0x92, %al              // A20
    orb $2, %al
    outb %al, $0x92
    lgdt gdt_pointer
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $start32
failed:
    hlt
    jmp failed

drive:
    .byte 0
    .balign 4
packet:                         // 31 sectors after this one, to where they are linked
    .word 16, 31, 0x7e00, 0
    .quad 1
    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    // 8: 32-bit code
    .quad 0x00cf93000000ffff    // 16: data
    .quad 0x00af9b000000ffff    // 24: 64-bit code
gdt_pointer:
    .word 31
    .long gdt

    .code32
start32:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    // 4 GiB where they are, in pages of 2 MiB.
    xorl %eax, %eax
    movl $PML4, %edi
    movl $(2 * 4096 / 4), %ecx
    rep stosl
    movl $(PDPT + 3), PML4
    movl $(DIRECTORIES + 3), %eax
    movl $PDPT, %edi
    movl $4, %ecx
1:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 1b
    movl $DIRECTORIES, %edi
    movl $0x83, %eax
    movl $(4 * 512), %ecx
2:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 2b
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
    movq $0x7c00, %rsp
    call guest_main
3:  hlt
    jmp 3b

    .org 510
    .word 0xaa55

    .text
    .globl timer_entry, nmi_entry, other_entry
timer_entry:
    pushq %rax
    movb $0x20, %al
    outb %al, $0x20
    popq %rax
    iretq
nmi_entry:
    incl nmi_count
    iretq
other_entry:
    iretq
    .section .note.GNU-stack, "", @progbits
