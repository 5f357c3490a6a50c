// Leaves at the reset vector with status 1: what starting and ending a machine costs, without a guest.
    .section .reset, "ax"
    .code16
    .globl reset_vector
reset_vector:
    movb $0, %al
    outb %al, $0xf4
1:  hlt
    jmp 1b
    .section .text.start, "ax"
    hlt                         // fills the image from its beginning
    .section .note.GNU-stack, "", @progbits
