// Port I/O of every width: nothing there reads as ones, the host bridge answers through the configuration
// ports, the interrupt controller's mask and the CMOS keep what is written.
#include "guest.h"

STATIC_NAME("pio");

static u32 config_read(u32 devfn, u32 offset) {
    out32(0xcf8, 1u << 31 | devfn << 8 | offset);
    return in32(0xcfc);
}

void guest_main(void) {
    check("byte from nowhere", in8(0x9f0), 0xff);
    check("word from nowhere", in16(0x9f0), 0xffff);
    check("long from nowhere", in32(0x9f0), 0xffffffff);
    out8(0x80, 0x12);
    out16(0x9f0, 0x1234);
    out32(0x9f0, 0x12345678);

    check("host bridge", config_read(0, 0), 0x29c08086);
    check("low byte of the device id", in8(0xcfe), 0xc0);
    check("device id", in16(0xcfe), 0x29c0);
    check("configuration address", in32(0xcf8), 1u << 31);
    check("LPC bridge", config_read(0x1f << 3, 0), 0x29188086);
    check("absent device", config_read(0x1e << 3 | 7, 0), 0xffffffff);

    for (u32 v = 0; v < 256; v += 51) {
        out8(0x21, (u8)v);
        check("interrupt mask", in8(0x21), v);
    }
    out8(0x21, 0xff);
    cmos_write(0x7e, 0x5a);
    check("CMOS", cmos_read(0x7e), 0x5a);
    check_that("some RAM", ram_below_4g() > 16 * MIB);

    static const char text[] = "a string of bytes\n";
    const char* from = text;
    u64 count = sizeof text - 1;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"((u16)0xe9) : "memory");
    check("bytes left", count, 0);
}
