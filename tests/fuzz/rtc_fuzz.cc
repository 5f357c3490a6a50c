// The real-time clock under random register accesses and leaps of time.
#include "hw/rtc/mc146818.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fuzz/chip_fuzz.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FakeClock clock;
    FakeIrqInput irq;
    Mc146818 rtc({.start_seconds = 1150560081}, clock, irq.line());
    const FuzzWindow windows[] = {{&rtc, Mc146818::kSize}};
    fuzz_chip({data, size}, windows, clock, [&](uint8_t value) {
        if (value == 255) return rtc.reset_hold();
        clock.jump(int64_t{value} * 3'600'000'000'000);
    });
    return 0;
}
