// The serial chip under random register accesses, typed bytes and a slow other end.
#include "hw/char/uart16550.h"
#include "tests/fakes/fake_chardev.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fuzz/chip_fuzz.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FakeClock clock;
    FakeIrqInput irq;
    EventLoop loop;
    FakeChardev chardev(loop);
    chardev.capacity = 64;
    auto uart = Uart16550::create(clock, irq.line(), &chardev).take_value();
    const FuzzWindow windows[] = {{uart.get(), Uart16550::kSize}};
    fuzz_chip({data, size}, windows, clock, [&](uint8_t value) {
        if (value == 255) return uart->reset_hold();
        if (value == 254) return chardev.event(CharEvent::Break);
        if (value > 200) return chardev.let(value);
        chardev.type("typed text, longer than a FIFO");
    });
    return 0;
}
