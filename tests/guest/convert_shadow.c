// The memory behind the system BIOS: RAM that turns private shows and hides by the host bridge's attribute
// register. What shows in its place is the ROM, which has no private side and must be there; the RAM keeps
// what it held, on either side. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_shadow");

#define IMAGE 0xffff0000ull  // the same ROM, below 4 GiB

enum { PAGES = 16 };

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

static void config_write(u32 function, u32 reg, u32 value) {
    out32(0xcf8, 0x80000000 | function << 8 | reg);
    out32(0xcfc, value);
}

// A device of a few registers (pvpanic-pci, when there is one) within a page of RAM, below the BIOS: what is
// left of the page is no memory to convert until the device has gone. The page is not touched as private
// memory then: KVM remembers that it was a device's, and takes that for a shared access.
static void small_device(u32 function) {
    enum { BAR = 0x10, COMMAND = 4, MEMORY_ON = 2 };
    const u64 page = 0xd0000;
    write64(page, 0x1111);
    write64(page + PAGE, 0x2222);
    config_write(function, BAR, (u32)page + 0x100);
    config_write(function, COMMAND, MEMORY_ON);
    check_that("a device within a page of RAM", (read8(page + 0x100) & 3) != 0);
    check_that("RAM in part made private", convert(page, 1, PRIVATE) < 0);
    check_that("RAM in part and a page made private", convert(page, 2, PRIVATE) < 0);
    must_convert(page, 2, SHARED);
    check("a page made shared", read64(page + PAGE), 0);
    config_write(function, COMMAND, 0);
    must_convert(page, 2, SHARED);
    check("a page that is RAM again, made shared", read64(page), 0);
    must_convert(page, 2, PRIVATE);
    config_write(function, COMMAND, MEMORY_ON);
    must_convert(page, 2, SHARED);
    config_write(function, COMMAND, 0);
    must_convert(page, 2, SHARED);
    write64(page, 0x3333);
    check("the page at last", read64(page), 0x3333);
}

static void find_small_device(void) {
    for (u32 function = 0; function < 256; function++) {
        out32(0xcf8, 0x80000000 | function << 8);
        if (in32(0xcfc) == 0x00111b36) small_device(function);
    }
}

void guest_main(void) {
    find_small_device();
    expect_rom("the ROM at first");
    for (u64 round = 0; round < 8; round++) {
        const u64 value = (round + 1) << 32;
        set_shadow(SHADOW_RAM);
        fill(0, PAGES, value);
        set_shadow(SHADOW_ROM);
        expect_rom("the ROM in place of private RAM");
        set_shadow(SHADOW_RAM);
        expect("private RAM that was hidden", 0, PAGES, value);
        must_convert(SHADOW + 4 * PAGE, 2, SHARED);
        fill(4, 2, ~value);
        set_shadow(SHADOW_ROM);
        expect_rom("the ROM in place of RAM of both kinds");
        must_convert(SHADOW, PAGES, SHARED);  // there is nothing to convert
        check_that("ROM made private", convert(SHADOW, 1, PRIVATE) < 0);
        expect_rom("the ROM after requests for it");
        set_shadow(SHADOW_RAM);
        expect("private RAM beside shared", 0, 4, value);
        expect("shared RAM that was hidden", 4, 2, ~value);
        expect("private RAM behind shared", 6, PAGES - 6, value);
        must_convert(SHADOW + 4 * PAGE, 2, PRIVATE);
        check("a page made private", read64(SHADOW + 4 * PAGE), 0);
        set_shadow(SHADOW_ROM);
    }
}
