// Many exits and nothing else, for benchmarks: `out 0x80` as often as the word at file offset 0xff00 says.
#include "guest.h"

STATIC_NAME("exit_loop");

void guest_main(void) {
    u64 left = rounds(10000);
    __asm__ volatile("1: outb %%al, $0x80; dec %0; jnz 1b" : "+r"(left)::"cc");
}
