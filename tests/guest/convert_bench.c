// Conversions by the clock: ranges of several sizes turned shared and private again, nothing touched in between, so that what is measured is
// the way through the VMM. Prints one line a size: pages, conversions, time-stamp cycles of all of them.
#include "guest.h"

STATIC_NAME("convert_bench");

static u64 cycles(void) {
    u32 low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return ((u64)high << 32) | low;
}

static void measure(u64 gpa, u64 pages, u64 count) {
    u64 start = cycles();
    for (u64 i = 0; i < count; i++) {
        must_convert(gpa, pages, SHARED);
        must_convert(gpa, pages, PRIVATE);
    }
    u64 spent = cycles() - start;
    put_text("CONVERT pages=");
    put_decimal(pages);
    put_text(" conversions=");
    put_decimal(2 * count);
    put_text(" cycles=");
    put_decimal(spent);
    put_text("\n");
}

void guest_main(void) {
    u64 count = rounds(200);
    measure(16 * MIB, 1, count);
    measure(16 * MIB + 3 * PAGE, 8, count);
    measure(32 * MIB, 512, count);
    measure(32 * MIB, 8192, count / 10 + 1);
}
