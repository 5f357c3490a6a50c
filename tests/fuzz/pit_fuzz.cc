// The interval timer under random register accesses.
#include "hw/timer/i8254.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fuzz/chip_fuzz.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FakeClock clock;
    FakeIrqInput irq;
    I8254 pit(clock, irq.line());
    const FuzzWindow windows[] = {{&pit, I8254::kSize}, {&pit.port61(), 1}};
    fuzz_chip({data, size}, windows, clock, [&](uint8_t value) {
        if (value == 255) return pit.reset_hold();
        pit.set_irq_enabled((value & 1) != 0);
    });
    return 0;
}
