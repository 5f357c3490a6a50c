// The memory behind the system BIOS: RAM that turns private shows and hides by the host bridge's attribute
// register. What shows in its place is the ROM, which has no private side and must be there; the RAM keeps
// what it held, on either side. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_shadow");

#define SHADOW 0xf0000ull
#define IMAGE 0xffff0000ull  // the same ROM, below 4 GiB

enum { CLOSED = 0, OPEN = 0x30, PAGES = 16 };

static void set_shadow(u8 state) {
    out32(0xcf8, 0x80000090);  // bus 0, device 0: PAM0
    out8(0xcfc, state);
}

static void expect_rom(const char* what) {
    for (u64 at = 0; at < PAGES * PAGE; at += PAGE / 8)
        check(what, read64(SHADOW + at), read64(IMAGE + at));
}

static void fill(u64 first, u64 pages, u64 value) {
    for (u64 i = first; i < first + pages; i++)
        write64(SHADOW + i * PAGE, value + i);
}

static void expect(const char* what, u64 first, u64 pages, u64 value) {
    for (u64 i = first; i < first + pages; i++)
        check(what, read64(SHADOW + i * PAGE), value + i);
}

void guest_main(void) {
    expect_rom("the ROM at first");
    for (u64 round = 0; round < 8; round++) {
        const u64 value = (round + 1) << 32;
        set_shadow(OPEN);
        fill(0, PAGES, value);
        set_shadow(CLOSED);
        expect_rom("the ROM in place of private RAM");
        set_shadow(OPEN);
        expect("private RAM that was hidden", 0, PAGES, value);
        must_convert(SHADOW + 4 * PAGE, 2, SHARED);
        fill(4, 2, ~value);
        set_shadow(CLOSED);
        expect_rom("the ROM in place of RAM of both kinds");
        must_convert(SHADOW, PAGES, SHARED);  // there is nothing to convert
        check_that("ROM made private", convert(SHADOW, 1, PRIVATE) < 0);
        expect_rom("the ROM after requests for it");
        set_shadow(OPEN);
        expect("private RAM beside shared", 0, 4, value);
        expect("shared RAM that was hidden", 4, 2, ~value);
        expect("private RAM behind shared", 6, PAGES - 6, value);
        must_convert(SHADOW + 4 * PAGE, 2, PRIVATE);
        check("a page made private", read64(SHADOW + 4 * PAGE), 0);
        set_shadow(CLOSED);
    }
}
