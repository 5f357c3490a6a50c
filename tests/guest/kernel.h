// What kernels for -kernel share: numbers, ports, the debug console (port 0xe9) and the exit device (port
// 0xf4). Freestanding C for 32-bit code; header only.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

static inline void out8(u16 port, u8 value) {
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
static inline void out16(u16 port, u16 value) {
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
static inline u8 in8(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

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
