// Fills memory on one side, converts it, fills the other side, and stops after each step until a byte comes
// in on the first serial port, where it also says where it is: so that the pages of both sides can be counted
// from outside. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_sides");

enum { COM1 = 0x3f8, COM1_STATUS = COM1 + 5, RECEIVED = 1, CAN_SEND = 0x20 };

#define AREA (64 * MIB)
#define AREA_PAGES (48 * MIB / PAGE)

static void step(const char* name) {
    for (; *name; name++) {
        while (!(in8(COM1_STATUS) & CAN_SEND))
            pause();
        out8(COM1, (u8)*name);
    }
    while (!(in8(COM1_STATUS) & RECEIVED))
        pause();
    in8(COM1);
}

static void fill(void) {
    for (u64 i = 0; i < AREA_PAGES; i++) {
        check("an untouched page", read64(AREA + i * PAGE), 0);
        write64(AREA + i * PAGE, ~i);
    }
}

void guest_main(void) {
    step("start\n");
    fill();
    step("private\n");
    must_convert(AREA, AREA_PAGES, SHARED);
    step("to shared\n");
    fill();
    step("shared\n");
    must_convert(AREA, AREA_PAGES, PRIVATE);
    step("to private\n");
    fill();
    step("private again\n");
    // Every other page, as a busy guest leaves it.
    for (u64 i = 0; i < AREA_PAGES; i += 2) {
        must_convert(AREA + i * PAGE, 1, SHARED);
        write64(AREA + i * PAGE, i);
    }
    step("half of them\n");
}
