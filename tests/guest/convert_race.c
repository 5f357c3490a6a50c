// One processor converts pages and trusts what it then finds there; another one does nothing but look at
// them. The looking must not change what the pages are. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_race");

#define AREA (64 * MIB)
#define AREA_PAGES 16ull

static volatile u32 looking, enough;

void ap_main(void) {
    looking = 1;
    for (u64 i = 0; !enough; i++)
        read64(AREA + i % AREA_PAGES * PAGE);
    looking = 0;
}

static void convert_and_trust(u64 gpa, enum visibility to, u64 value) {
    must_convert(gpa, 1, to);
    check("a page just converted", read64(gpa), 0);
    write64(gpa, value);
    check("what was written to it", read64(gpa), value);
    for (int i = 0; i < 20; i++)
        pause();
    check("and is still there", read64(gpa), value);
}

void guest_main(void) {
    must_convert(0x8000, 1, SHARED);  // the trampoline is fetched where KVM can emulate it
    start_second_cpu();
    while (!looking)
        pause();
    for (u64 left = rounds(300); left != 0; left--) {
        const u64 gpa = AREA + left % AREA_PAGES * PAGE;
        convert_and_trust(gpa, SHARED, left);
        convert_and_trust(gpa, PRIVATE, ~left);
    }
    enough = 1;
    while (looking)
        pause();
}
