// Every way to reset the machine; the CMOS, which survives, counts them.
#include "guest.h"

STATIC_NAME("reset");

enum { COUNTER = 0x7a, MARK = 0x7b };

static _Noreturn void wait_for_the_end(const char* way) {
    for (u64 i = 0; i < 2000000; i++)
        in8(0x61);
    fail(way, 0, 1);
}

void guest_main(void) {
    if (cmos_read(MARK) != 0xa5) {
        cmos_write(MARK, 0xa5);
        cmos_write(COUNTER, 0);
    }
    const u8 count = cmos_read(COUNTER);
    put_text("resets ");
    put_decimal(count);
    put_text("\n");
    cmos_write(COUNTER, (u8)(count + 1));
    switch (count) {
        case 0:
            out8(0xcf9, 0x02);
            out8(0xcf9, 0x06);
            wait_for_the_end("port 0xcf9");
        case 1:
            out8(0x92, in8(0x92) | 1);
            wait_for_the_end("port 0x92");
        case 2:
            out8(0x64, 0xfe);
            wait_for_the_end("keyboard controller");
        case 3: {
            const struct {
                u16 limit;
                u64 base;
            } __attribute__((packed)) none = {0, 0};
            __asm__ volatile("lidt %0; ud2" ::"m"(none));
            wait_for_the_end("triple fault");
        }
    }
    cmos_write(MARK, 0);
}
