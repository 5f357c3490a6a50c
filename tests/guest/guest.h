// What guests share: the debug console (port 0xe9), the exit device (port 0xf4), checks, hypercalls.
// Freestanding C; a guest defines guest_name and guest_main(), and returns from it (or calls pass()) when all
// went well.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ports.h"

extern const char guest_name[];
void guest_main(void);
void ap_main(void);                     // of guests with a second processor
extern const volatile u64 patch_count;  // rounds, when a test wrote them into the image

#define PAGE 4096ull
#define MIB (1024 * 1024ull)
#define GIB (1024 * MIB)
#define STATIC_NAME(name) const char guest_name[] = name

// Plain loads and stores of one instruction: what KVM can emulate.
#define DEFINE_ACCESS(bits, suffix)                                                \
    static inline u##bits read##bits(u64 at) {                                     \
        u##bits v;                                                                 \
        __asm__ volatile("mov" suffix " (%1), %0" : "=r"(v) : "r"(at) : "memory"); \
        return v;                                                                  \
    }                                                                              \
    static inline void write##bits(u64 at, u##bits v) {                            \
        __asm__ volatile("mov" suffix " %0, (%1)" ::"r"(v), "r"(at) : "memory");   \
    }
DEFINE_ACCESS(8, "b")
DEFINE_ACCESS(16, "w")
DEFINE_ACCESS(32, "l")
DEFINE_ACCESS(64, "q")

// Time-stamp cycles; nothing before is still under way.
static inline u64 cycles(void) {
    u32 low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return ((u64)high << 32) | low;
}

static inline void pause(void) {
    __asm__ volatile("pause" ::: "memory");
}

void put_text(const char* text);
void put_number(u64 value);  // 0x...
void put_decimal(u64 value);
void put_line(const char* text, u64 value);  // "text 0x..."

// "PASS name" and status 33; "FAIL name: what: got, wanted" and status 35.
_Noreturn void pass(void);
_Noreturn void fail(const char* what, u64 got, u64 wanted);
void check(const char* what, u64 got, u64 wanted);
void check_that(const char* what, bool holds);

u8 cmos_read(u8 index);
void cmos_write(u8 index, u8 value);
// RAM below and above 4 GiB as the CMOS tells it, in bytes.
u64 ram_below_4g(void);
u64 ram_above_4g(void);

// What shows at 0xf0000-0xfffff, by the host bridge's PAM0: the BIOS (at first), or the RAM there.
#define SHADOW 0xf0000ull
enum shadow { SHADOW_ROM = 0, SHADOW_READ_ONLY = 0x10, SHADOW_RAM = 0x30 };
void set_shadow(enum shadow state);

// KVM_HC_MAP_GPA_RANGE: 0 or a negative errno.
enum visibility { SHARED = 0, PRIVATE = 1 };
long convert(u64 gpa, u64 pages, enum visibility to);
void must_convert(u64 gpa, u64 pages, enum visibility to);

// Starts the processor with APIC id 1, which runs ap_main() on its own stack.
void start_second_cpu(void);
u32 apic_id(void);
u64 rounds(u64 otherwise);
// Sorts the samples: what the host does meanwhile hits some of them and not this figure.
u64 median(u64* samples, u64 count);

// How often the machine was reset since the count began, by a counter in the CMOS, which survives; prints it,
// and counts the next. The last one to ask ends the count.
u8 resets_so_far(void);
void end_reset_count(void);
// Waits for a reset that was asked for.
_Noreturn void must_be_reset(const char* way);
