// Private RAM that the host bridge write-protects: the kernel has no read-only memory with a private side,
// so that the next touch is a private access to memory without one. The machine must stop with a report. RAM
// starts private.
#include "guest.h"

STATIC_NAME("private_fault");

enum { FAR = 3 };

void guest_main(void) {
    set_shadow(SHADOW_RAM);
    write64(SHADOW + FAR * PAGE, 0x5ec0de);
    must_convert(SHADOW, 1, SHARED);
    write64(SHADOW, 0x5a5a);
    set_shadow(SHADOW_READ_ONLY);
    check("a shared page that is write-protected", read64(SHADOW), 0x5a5a);
    put_text("touching\n");
    fail("a private page that cannot be there was read", read64(SHADOW + FAR * PAGE), 0);
}
