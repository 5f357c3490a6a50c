// One conversion over the border of two memory slots: the middle of the RAM below 4 GiB (two equal NUMA
// backends meet there), and both sides of 4 GiB in turn. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_slots");

static void border(const char* what, u64 at, u64 pages_before, u64 pages_after) {
    const u64 gpa = at - pages_before * PAGE, pages = pages_before + pages_after;
    put_line(what, at);
    for (u64 i = 0; i < pages; i++)
        write64(gpa + i * PAGE, 0xd000 + i);
    must_convert(gpa, pages, SHARED);
    for (u64 i = 0; i < pages; i++) {
        check("a page made shared", read64(gpa + i * PAGE), 0);
        write64(gpa + i * PAGE, 0xe000 + i);
    }
    for (u64 i = 0; i < pages; i++)
        check("a shared page", read64(gpa + i * PAGE), 0xe000 + i);
    must_convert(gpa, pages, PRIVATE);
    for (u64 i = 0; i < pages; i++)
        check("a page made private", read64(gpa + i * PAGE), 0);
}

void guest_main(void) {
    const u64 below = ram_below_4g(), above = ram_above_4g();
    border("middle of low memory", below / 2, 16, 16);
    border("middle of all memory", (below + above) / 2, 16, 16);
    border("end of low memory", below, 16, 0);
    border("first MiB", 1 * MIB, 0, 16);
    if (above == 0) return;
    border("beginning of high memory", 4 * GIB, 0, 16);
    border("end of high memory", 4 * GIB + above, 16, 0);
}
