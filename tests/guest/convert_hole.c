// Ranges where there is no RAM: making them shared is agreed to and does nothing, making them private is
// refused, and the device behind them goes on working. RAM starts private.
#include "guest.h"

STATIC_NAME("convert_hole");

#define IOAPIC 0xfec00000ull
#define NOTHING 0xfe900000ull

static void check_refused(const char* what, u64 gpa, u64 pages) {
    const long result = convert(gpa, pages, PRIVATE);
    if (result >= 0) fail(what, (u64)result, (u64)-22);
}

static u32 ioapic_version(void) {
    write32(IOAPIC, 1);
    return read32(IOAPIC + 0x10);
}

void guest_main(void) {
    const u64 end = ram_below_4g();
    const u32 version = ioapic_version();

    must_convert(NOTHING, 4, SHARED);
    check_refused("nothing made private", NOTHING, 4);
    must_convert(IOAPIC, 1, SHARED);
    check_refused("a device made private", IOAPIC, 1);
    check("IOAPIC version", ioapic_version(), version);

    // Over the end of RAM. A refused request leaves the RAM in it as it was.
    write64(end - PAGE, 0x5151);
    check_refused("RAM and a hole made private", end - 4 * PAGE, 8);
    check("a page of the refused range", read64(end - PAGE), 0x5151);
    must_convert(end - 4 * PAGE, 8, SHARED);
    check("a page made shared", read64(end - PAGE), 0);
    write64(end - PAGE, 0x6161);
    check_refused("RAM and a hole made private", end - 4 * PAGE, 8);
    check("a shared page of the refused range", read64(end - PAGE), 0x6161);
    must_convert(end - 4 * PAGE, 4, PRIVATE);
}
