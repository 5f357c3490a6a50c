// All of RAM: two words of each page get a value of their own, and keep it. With two processors the second
// one looks at the same memory.
#include "guest.h"

STATIC_NAME("ram");

static volatile u32 second_done;
static volatile u32 second_wanted;

static u64 value_of(u64 at) {
    return at * 0x9e3779b97f4a7c15ull ^ 0x5bd1e995;
}

static void fill(u64 from, u64 to) {
    for (u64 at = from; at < to; at += PAGE) {
        write64(at, value_of(at));
        write64(at + PAGE - 8, ~value_of(at));
    }
}

static void verify(u64 from, u64 to) {
    for (u64 at = from; at < to; at += PAGE) {
        if (read64(at) == value_of(at) && read64(at + PAGE - 8) == ~value_of(at)) continue;
        put_line("page", at);
        fail("the page's first word", read64(at), value_of(at));
    }
}

void ap_main(void) {
    verify(1 * MIB, ram_below_4g());
    verify(4 * GIB, 4 * GIB + ram_above_4g());
    second_done = 1;
}

void guest_main(void) {
    put_line("below 4 GiB", ram_below_4g());
    put_line("above 4 GiB", ram_above_4g());
    check_that("the identity map reaches the end of RAM", ram_above_4g() <= 8 * GIB);
    fill(1 * MIB, ram_below_4g());
    fill(4 * GIB, 4 * GIB + ram_above_4g());
    verify(1 * MIB, ram_below_4g());
    verify(4 * GIB, 4 * GIB + ram_above_4g());
    if (patch_count != 2) return;  // the number of processors
    start_second_cpu();
    while (!second_done)
        pause();
}
