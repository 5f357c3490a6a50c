// Conversions by the clock: ranges of several sizes turned shared and private again, nothing touched in between, so that what is measured is
// the way through the VMM. Prints one line a size: pages, conversions, the median and the sum of their time-stamp cycles. The median stands
// when the host does other things meanwhile.
#include "guest.h"

STATIC_NAME("convert_bench");

#define MOST 2000
static u64 taken[MOST];

static void put_field(const char *name, u64 value) {
    put_text(name);
    put_decimal(value);
}

// Each sample is one conversion either way.
static void measure(u64 gpa, u64 pages, u64 count) {
    u64 spent = 0;
    for (u64 i = 0; i < count; i++) {
        u64 start = cycles();
        must_convert(gpa, pages, SHARED);
        must_convert(gpa, pages, PRIVATE);
        spent += taken[i] = cycles() - start;
    }
    put_field("CONVERT pages=", pages);
    put_field(" conversions=", 2 * count);
    put_field(" median=", median(taken, count) / 2);
    put_field(" cycles=", spent);
    put_text("\n");
}

void guest_main(void) {
    u64 count = rounds(200);
    if (count > MOST) count = MOST;
    measure(16 * MIB, 1, 2 * count < MOST ? 2 * count : MOST);
    measure(16 * MIB + 3 * PAGE, 8, count);
    measure(32 * MIB, 512, count);
    measure(32 * MIB, 8192, count / 10 + 1);
}
