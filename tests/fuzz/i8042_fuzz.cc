// The keyboard controller under random commands, keys and movements.
#include "hw/input/i8042.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fakes/fake_requests.h"
#include "tests/fuzz/chip_fuzz.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FakeClock clock;
    FakeIrqInput irq;
    FakeRequests requests;
    I8042 kbd(irq.line(1), irq.line(12), requests);
    Port92 port92(requests);
    const FuzzWindow windows[] = {{&kbd.data(), 1}, {&kbd.command(), 1}, {&port92, 1}};
    fuzz_chip({data, size}, windows, clock, [&](uint8_t value) {
        if (value == 255) return kbd.reset_hold();
        if (value < 128) {
            kbd.key(value, (value & 1) != 0, (value & 2) != 0);
        } else {
            kbd.move_mouse(value * 7 - 1400, 900 - value * 5, value - 190, value & 31);
        }
    });
    return 0;
}
