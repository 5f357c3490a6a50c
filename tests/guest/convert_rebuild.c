// Memory around a reset that takes a new VM: leaves private data behind and pages that it shared, says so,
// and waits for whoever resets it. What it left must not be there when it starts over. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_rebuild");

enum { SHARED_PAGES = 24 };
static const u64 kPrivate = 16 * MIB, kShared = 32 * MIB + 5 * PAGE;

void guest_main(void) {
    for (u64 page = 0; page < 512; page++)
        check("private memory after a reset", read64(kPrivate + page * PAGE), 0);
    for (u64 page = 0; page < SHARED_PAGES; page++)
        check("memory that was shared before a reset", read64(kShared + page * PAGE), 0);
    for (u64 page = 0; page < 512; page++)
        write64(kPrivate + page * PAGE, 0x5ec4e7000 + page);
    must_convert(kShared, SHARED_PAGES, SHARED);
    for (u64 page = 0; page < SHARED_PAGES; page++)
        write64(kShared + page * PAGE, 0x54a4ed000 + page);
    check("private memory beside what was shared", read64(kPrivate), 0x5ec4e7000);
    put_text("ready\n");
    for (;;)
        __asm__ volatile("cli; hlt");
}
