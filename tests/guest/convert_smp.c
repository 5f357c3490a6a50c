// Two processors convert overlapping ranges at the same time, ten thousand times each. Every request is
// agreed to, and when they are done the memory obeys again. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_smp");

#define AREA (64 * MIB)
#define AREA_PAGES 2048ull

static volatile u32 second_runs, second_done;

static u64 next_random(u64* state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void convert_at_random(u64 seed) {
    for (u64 left = rounds(10000); left != 0; left--) {
        const u64 random = next_random(&seed);
        const u64 first = random % AREA_PAGES;
        u64 pages = 1 + (random >> 20) % 64;
        if (pages > AREA_PAGES - first) pages = AREA_PAGES - first;
        must_convert(AREA + first * PAGE, pages, random >> 40 & 1 ? PRIVATE : SHARED);
        // Whatever the page is now, it can be written; another processor may convert it between two accesses.
        write64(AREA + first * PAGE, random);
    }
}

void ap_main(void) {
    second_runs = 1;
    convert_at_random(0x9e3779b97f4a7c15ull);
    second_done = 1;
}

void guest_main(void) {
    must_convert(0x8000, 1, SHARED);  // the trampoline is fetched where KVM can emulate it
    start_second_cpu();
    while (!second_runs)
        pause();
    convert_at_random(0x2545f4914f6cdd1dull);
    while (!second_done)
        pause();
    must_convert(AREA, AREA_PAGES, SHARED);
    must_convert(AREA, AREA_PAGES, PRIVATE);
    for (u64 i = 0; i < AREA_PAGES; i++) {
        check("a page made private", read64(AREA + i * PAGE), 0);
        write64(AREA + i * PAGE, i);
    }
    must_convert(AREA, AREA_PAGES, SHARED);
    for (u64 i = 0; i < AREA_PAGES; i++)
        check("a page made shared", read64(AREA + i * PAGE), 0);
}
