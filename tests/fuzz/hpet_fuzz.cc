// The HPET under random register accesses.
#include "hw/timer/hpet.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fuzz/chip_fuzz.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FakeClock clock;
    FakeIrqInput irq;
    FakeMsiSink msi;
    Hpet::Lines lines;
    for (unsigned i = 0; i < lines.size(); ++i)
        lines[i] = irq.line(i);
    Hpet hpet({}, clock, lines, msi, nullptr);
    const FuzzWindow windows[] = {{&hpet, 0x180}, {&hpet, 0x18}};
    fuzz_chip({data, size}, windows, clock, [&](uint8_t value) {
        if (value == 255) return hpet.reset_hold();
        clock.jump(int64_t{1} << (value & 31));
    });
    return 0;
}
