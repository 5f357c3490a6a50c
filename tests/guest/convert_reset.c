// Resets of a machine that keeps its VM: what was converted is as at first again, and neither side shows
// what it held. The CMOS, which survives, counts the resets. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_reset");

enum { RESETS = 4, AREA_PAGES = 1024 };
#define AREA (32 * MIB)
#define IMAGE 0xffff0000ull  // the ROM that shows there at first

static _Noreturn void reset_machine(u8 count) {
    if (count % 2 == 0) {
        out8(0xcf9, 0x02);
        out8(0xcf9, 0x06);
    } else {
        out8(0x64, 0xfe);
    }
    must_be_reset("the machine was not reset");
}

// Every third page stays private; of the others every second is made private again.
static bool converted(u64 i) {
    return i % 3 != 0;
}
static bool stays_shared(u64 i) {
    return converted(i) && i % 2 == 0;
}

// A page that is shared still would keep what is written to it; one that is private loses it.
static void expect_private(u64 gpa) {
    write64(gpa, ~gpa);
    must_convert(gpa, 1, PRIVATE);
    check("a page that a reset made private", read64(gpa), ~gpa);
    must_convert(gpa, 1, SHARED);
    check("the shared side after a reset", read64(gpa), 0);
    must_convert(gpa, 1, PRIVATE);
}

void guest_main(void) {
    const u8 count = resets_so_far();
    check("the ROM", read64(SHADOW + 0xfff0), read64(IMAGE + 0xfff0));
    for (u64 i = 0; count != 0 && i < AREA_PAGES; i++) {
        const u64 gpa = AREA + i * PAGE;
        if (converted(i)) check("a page that was converted before a reset", read64(gpa), 0);
        if (stays_shared(i)) expect_private(gpa);
    }
    if (count == RESETS) {
        end_reset_count();
        return;
    }
    for (u64 i = 0; i < AREA_PAGES; i++) {
        const u64 gpa = AREA + i * PAGE;
        write64(gpa, 0x5ec0de0000 + i);
        if (!converted(i)) continue;
        must_convert(gpa, 1, SHARED);
        write64(gpa, 0x5a5a0000 + i);
        if (!stays_shared(i)) must_convert(gpa, 1, PRIVATE);
    }
    set_shadow(SHADOW_RAM);
    write64(SHADOW + 0xfff0, 0);
    reset_machine(count);
}
