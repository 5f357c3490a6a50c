// RAM in two halves, of which only the first one has a private side: making the second one private is
// refused, alone or together with pages of the first, and nothing changes; it is plain shared memory before
// and after. The first half starts private.
#include "guest.h"

STATIC_NAME("convert_refused");

#define TIMES 100

static void check_refused(const char* what, u64 gpa, u64 pages) {
    const long result = convert(gpa, pages, PRIVATE);
    if (result >= 0) fail(what, (u64)result, (u64)-22);
}

static void keeps(const char* what, u64 gpa, u64 value) {
    check(what, read64(gpa), value);
    write64(gpa, value + 1);
    check(what, read64(gpa), value + 1);
    write64(gpa, value);
}

void guest_main(void) {
    const u64 border = ram_below_4g() / 2, last = border - PAGE;
    write64(last, 0x1111);
    write64(border, 0x2222);
    // Again and again: a refusal is an answer, never a request that starts anew.
    for (u64 i = 0; i < TIMES; i++) {
        check_refused("RAM without a private side", border, 1);
        keeps("a page without a private side", border, 0x2222);
        check_refused("a range that begins private", last, 2);
        keeps("a private page of the refused range", last, 0x1111);
        must_convert(border, 16, SHARED);
        keeps("a shared page that was asked to be shared", border, 0x2222);
    }
    must_convert(last, 2, SHARED);
    check("the page that was private", read64(last), 0);
    keeps("the page that was shared", border, 0x2222);
    write64(last, 0x3333);
    check_refused("a range that begins shared", last, 2);
    keeps("a shared page of the refused range", last, 0x3333);
    must_convert(last, 1, PRIVATE);
    check("a page made private", read64(last), 0);
}
