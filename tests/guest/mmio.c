// Memory-mapped registers: IOAPIC, HPET and local APIC answer as their data sheets say; nothing there reads
// as ones at every width and swallows writes.
#include "guest.h"

STATIC_NAME("mmio");

#define IOAPIC 0xfec00000ull
#define HPET 0xfed00000ull
#define LOCAL_APIC 0xfee00000ull
#define NOTHING 0xfe900000ull  // between the devices, inside the PCI hole

static u32 ioapic_read(u8 reg) {
    write32(IOAPIC, reg);
    return read32(IOAPIC + 0x10);
}

static void ioapic(void) {
    const u32 version = ioapic_read(1) & 0xff;  // the one in the kernel is of the older kind
    check_that("IOAPIC version", version == 0x20 || version == 0x11);
    check("IOAPIC entries less one", ioapic_read(1) >> 16 & 0xff, 23);
    write32(IOAPIC, 0x10 + 2 * 5);
    write32(IOAPIC + 0x10, 0x1a931);  // masked, level, low, vector 0x31
    check("IOAPIC entry", ioapic_read(0x10 + 2 * 5) & ~0x5000u, 0x1a931 & ~0x5000u);
}

static void hpet(void) {
    const u64 id = read64(HPET);
    check("HPET vendor", id >> 16 & 0xffff, 0x8086);
    check("HPET halves agree", read32(HPET + 4), id >> 32);
    check_that("HPET period", id >> 32 != 0 && id >> 32 <= 100000000);
    write64(HPET + 0x10, 0);
    write64(HPET + 0xf0, 0x123456789ull);
    check("HPET counter at rest", read64(HPET + 0xf0), 0x123456789ull);
    write64(HPET + 0x10, 1);
    u64 tries = 0;
    while (read64(HPET + 0xf0) == 0x123456789ull)
        if (++tries == 1000000) fail("HPET counter stands still", tries, 0);
    write64(HPET + 0x10, 0);
}

static void nothing(void) {
    check("byte from nowhere", read8(NOTHING + 1), 0xff);
    check("word from nowhere", read16(NOTHING + 2), 0xffff);
    check("long from nowhere", read32(NOTHING + 4), 0xffffffff);
    check("quad from nowhere", read64(NOTHING + 8), ~0ull);
    write8(NOTHING, 0);
    write64(NOTHING, 0);
    check("still nothing", read64(NOTHING), ~0ull);
}

void guest_main(void) {
    ioapic();
    hpet();
    check_that("local APIC version", (read32(LOCAL_APIC + 0x30) & 0xf0) == 0x10);
    nothing();
}
