// Both interrupt controllers under random register accesses, pins, acknowledges and ends of interrupt.
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fuzz/chip_fuzz.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FakeClock clock;
    FakeIrqInput intr;
    FakeMsiSink msi;
    I8259Pair pic(intr.line());
    IoApic apic(msi, nullptr);
    const FuzzWindow windows[] = {
        {&pic.master(), 2}, {&pic.slave(), 2}, {&pic.elcr(), 2}, {&apic, 0x44}, {&apic, 0x14}};
    fuzz_chip({data, size}, windows, clock, [&](uint8_t value) {
        if (value == 255) return pic.reset_hold();
        if (value == 254) return apic.reset_hold();
        if (value >= 224) {
            pic.acknowledge();
            return;
        }
        if (value >= 192) return apic.end_of_interrupt(value);
        unsigned pin = value & 31;
        pic.set_pin(pin, (value & 32) != 0);
        apic.set_pin(pin, (value & 32) != 0);
        CHECK(pic.pending() == intr.level(), "INTR and pending() differ");
    });
    return 0;
}
