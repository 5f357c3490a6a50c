// Numbers and port instructions for freestanding C, 32 and 64 bit; header only.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define DEFINE_PORT(bits, suffix, reg)                                          \
    static inline void out##bits(u16 port, u##bits v) {                         \
        __asm__ volatile("out" suffix " %" reg "0, %w1" ::"a"(v), "Nd"(port));  \
    }                                                                           \
    static inline u##bits in##bits(u16 port) {                                  \
        u##bits v;                                                              \
        __asm__ volatile("in" suffix " %w1, %" reg "0" : "=a"(v) : "Nd"(port)); \
        return v;                                                               \
    }
DEFINE_PORT(8, "b", "b")
DEFINE_PORT(16, "w", "w")
DEFINE_PORT(32, "l", "k")
#undef DEFINE_PORT
