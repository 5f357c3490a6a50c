// One port write at a time by the clock, for benchmarks. Prints the median of its time-stamp cycles, as often as asked for, so that what
// the host does meanwhile hits some writes and not the figure.
#include "guest.h"

STATIC_NAME("exit_bench");

#define MOST 4000
static u32 taken[MOST];

static u64 cycles(void) {
    u32 low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return ((u64)high << 32) | low;
}

static u32 median(u64 count) {
    for (u64 gap = count / 2; gap > 0; gap /= 2)
        for (u64 i = gap; i < count; i++) {
            u32 value = taken[i];
            u64 at = i;
            for (; at >= gap && taken[at - gap] > value; at -= gap)
                taken[at] = taken[at - gap];
            taken[at] = value;
        }
    return taken[count / 2];
}

void guest_main(void) {
    u64 count = rounds(2000);
    if (count > MOST) count = MOST;
    for (u64 i = 0; i < count; i++) {
        u64 start = cycles();
        out8(0x80, 0);
        taken[i] = (u32)(cycles() - start);
    }
    put_text("EXIT median=");
    put_decimal(median(count));
    put_text("\n");
}
