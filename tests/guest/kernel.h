// What kernels for -kernel share: the debug console (port 0xe9) and the exit device (port
// 0xf4). Freestanding C for 32-bit code; header only.
#pragma once

#include "ports.h"

static inline void put(const char* text) {
    while (*text)
        out8(0xe9, (u8)*text++);
}
// "name 0x..." and the end of the line.
static inline void line(const char* name, u64 value) {
    put(name);
    put("0x");
    int shift = 60;
    while (shift > 0 && (value >> shift) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        out8(0xe9, (u8) "0123456789abcdef"[(value >> shift) & 15]);
    put("\n");
}

// 16: all went well. 17: not.
__attribute__((noreturn)) static inline void end(u8 status) {
    out8(0xf4, status);
    for (;;)
        __asm__ volatile("hlt");
}
