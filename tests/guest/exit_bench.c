// One port write at a time by the clock, for benchmarks. Prints the median of its time-stamp cycles, as often as asked for, so that what
// the host does meanwhile hits some writes and not the figure.
#include "guest.h"

STATIC_NAME("exit_bench");

#define MOST 4000
static u64 taken[MOST];

void guest_main(void) {
    u64 count = rounds(2000);
    if (count > MOST) count = MOST;
    for (u64 i = 0; i < count; i++) {
        u64 start = cycles();
        out8(0x80, 0);
        taken[i] = cycles() - start;
    }
    put_text("EXIT median=");
    put_decimal(median(taken, count));
    put_text("\n");
}
