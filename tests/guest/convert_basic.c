// Pages turned shared and back, one and 512 at a time: each side starts empty, a page never shows the other
// side's bytes, its neighbours keep theirs, and asking for what already is changes nothing. RAM starts
// private.
#include "guest.h"

STATIC_NAME("convert_basic");

enum { EINVAL = 22 };

static void fill(u64 gpa, u64 pages, u64 value) {
    for (u64 i = 0; i < pages; i++) {
        write64(gpa + i * PAGE, value + i);
        write64(gpa + i * PAGE + PAGE - 8, value + i);
    }
}

static void expect(const char* what, u64 gpa, u64 pages, u64 value, u64 step) {
    for (u64 i = 0; i < pages; i++) {
        check(what, read64(gpa + i * PAGE), value + i * step);
        check(what, read64(gpa + i * PAGE + PAGE - 8), value + i * step);
    }
}

static void there_and_back(u64 gpa, u64 pages) {
    const u64 before = gpa - PAGE, after = gpa + pages * PAGE;
    fill(before, 1, 0x1111);
    fill(after, 1, 0x2222);
    fill(gpa, pages, 0xaaaa0000);
    must_convert(gpa, pages, PRIVATE);
    expect("a private page that was asked to be private", gpa, pages, 0xaaaa0000, 1);
    must_convert(gpa, pages, SHARED);
    expect("a page made shared", gpa, pages, 0, 0);
    fill(gpa, pages, 0xbbbb0000);
    must_convert(gpa, pages, SHARED);
    expect("a shared page that was asked to be shared", gpa, pages, 0xbbbb0000, 1);
    must_convert(gpa, pages, PRIVATE);
    expect("a page made private", gpa, pages, 0, 0);
    fill(gpa, pages, 0xcccc0000);
    must_convert(gpa, pages, SHARED);
    expect("a page made shared again", gpa, pages, 0, 0);
    must_convert(gpa, pages, PRIVATE);
    check("the page before", read64(before), 0x1111);
    check("the page after", read64(after), 0x2222);
}

// Some pages of the range are already what it is to become: those keep their contents.
static void mixed(u64 gpa) {
    fill(gpa, 8, 0x7000);
    must_convert(gpa + 2 * PAGE, 3, SHARED);
    fill(gpa + 2 * PAGE, 3, 0x8000);
    must_convert(gpa, 8, SHARED);
    expect("shared before the whole range was", gpa + 2 * PAGE, 3, 0x8000, 1);
    check("private before the whole range was shared", read64(gpa), 0);
    must_convert(gpa, 8, PRIVATE);
    expect("all private again", gpa, 8, 0, 0);
}

static void mistakes(u64 gpa) {
    check("an address inside a page", (u64)convert(gpa + 8, 1, SHARED), (u64)-EINVAL);
    check("no pages", (u64)convert(gpa, 0, SHARED), (u64)-EINVAL);
    check("more pages than addresses", (u64)convert(gpa, ~0ull / PAGE, SHARED), (u64)-EINVAL);
}

void guest_main(void) {
    there_and_back(16 * MIB, 1);
    there_and_back(32 * MIB, 512);             // a whole 2 MiB page
    there_and_back(40 * MIB + 7 * PAGE, 520);  // and pieces of three
    mixed(48 * MIB);
    mistakes(16 * MIB);
}
