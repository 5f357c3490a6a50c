// Every way to reset the machine; the CMOS, which survives, counts them.
#include "guest.h"

STATIC_NAME("reset");

void guest_main(void) {
    switch (resets_so_far()) {
        case 0:
            out8(0xcf9, 0x02);
            out8(0xcf9, 0x06);
            must_be_reset("port 0xcf9");
        case 1:
            out8(0x92, in8(0x92) | 1);
            must_be_reset("port 0x92");
        case 2:
            out8(0x64, 0xfe);
            must_be_reset("keyboard controller");
        case 3: {
            const struct {
                u16 limit;
                u64 base;
            } __attribute__((packed)) none = {0, 0};
            __asm__ volatile("lidt %0; ud2" ::"m"(none));
            must_be_reset("triple fault");
        }
    }
    end_reset_count();
}
