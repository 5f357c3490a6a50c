// PCI functions under a hostile guest: configuration accesses of any width by ports and window, moving BARs,
// MSI and MSI-X programmed at will while the device signals. It may not crash; a vector that may be sent is
// never left pending; the pin is down while messages are on; and after a reset everything is as at start.
#include <cstdint>
#include <vector>

#include "tests/unit/hw/pci/pci_fixture.h"
#include "util/endian.h"

using namespace vmm;

namespace {

constexpr pci::DevFn kPlain{3, 0}, kMessages{4, 0};
constexpr uint64_t kEcam = 0xb0000000;

struct World : pci::PciWorld {
    pci::TestFunction plain;
    pci::MessageFunction messages;
    World() {
        messages.map(topology);
        CHECK(bus.plug(plain, kPlain) && bus.plug(messages, kMessages), "two functions on an empty bus");
    }
    ~World() {
        bus.unplug(messages);
        bus.unplug(plain);
    }
    void reset() {
        for (Resettable* part : std::initializer_list<Resettable*>{&ports, &plain, &messages}) {
            part->reset_enter();
            part->reset_hold();
        }
    }
    std::vector<uint32_t> snapshot() {
        std::vector<uint32_t> all = {in(pci::kConfigAddressPort, 4)};
        for (pci::DevFn at : {kPlain, kMessages})
            for (unsigned offset = 0; offset < 0x100; offset += 4)
                all.push_back(bus.config_read({0, at}, offset, 4));
        all.push_back(static_cast<uint32_t>(memory_space.view()->sections().size()));
        all.push_back(static_cast<uint32_t>(io_space.view()->sections().size()));
        return all;
    }
    // A vector of MSI-X that is enabled and not masked anywhere is not pending.
    void check_pending() {
        const unsigned control = bus.config_read({0, kMessages}, messages.msix_offset() + 2, 2);
        if ((control & 0xc000) != 0x8000) return;
        for (unsigned i = 0; i < pci::MessageFunction::kVectors; ++i) {
            const bool masked = (messages.msix().table().io_ops()->read(i * 16 + 12, 4) & 1) != 0;
            const bool pending = (messages.msix().pending().io_ops()->read(0, 4) >> i & 1) != 0;
            CHECK(masked || !pending, "vector %u is pending though nothing masks it", i);
        }
    }
};

uint64_t bar0(World& w) {
    return w.bus.config_read({0, kMessages}, pci::kBar0, 4) & ~uint64_t{0xfff};
}

// Eight bytes a step: what, where (2), value (4), one to spare.
void one_step(World& w, const uint8_t* step) {
    const unsigned size = 1u << (step[0] >> 4 & 1) << (step[0] >> 5 & 1);
    const bool write = (step[0] & 0x80) != 0;
    const auto where = load_le<uint16_t>(step + 1);
    const auto value = load_le<uint32_t>(step + 3);
    auto access = [&](AddressSpace& space, uint64_t address) {
        if (write)
            space.store(Gpa(address), value, size);
        else
            (void)space.load(Gpa(address), size);
    };
    const pci::DevFn target = (step[0] & 8) != 0 ? kMessages : kPlain;
    switch (step[0] & 7) {
        case 0:
            access(w.io_space, pci::kConfigAddressPort + where % 8);
            break;
        case 1:
            w.out(pci::kConfigAddressPort, pci::PciWorld::config_address(target, where & 0xff), 4);
            access(w.io_space, pci::kConfigDataPort + where % 4);
            break;
        case 2:
            access(w.memory_space, kEcam + (uint64_t{target.raw()} << 12) + where % 0x100);
            break;
        case 3:
            access(w.memory_space, kEcam + (uint64_t{where} << 8) + step[7]);
            break;
        case 4:
            access(w.memory_space, bar0(w) + where % 0x1000);
            break;
        case 5:
            (void)w.messages.signal(where % pci::MessageFunction::kVectors);
            break;
        case 6:
            w.plain.pin(write);
            break;
        case 7:
            w.messages.pin(write);
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kStep = 8, kMostSteps = 2000;
    World w;
    const std::vector<uint32_t> at_start = w.snapshot();
    for (size_t step = 0; size >= kStep && step < kMostSteps; ++step, data += kStep, size -= kStep) {
        one_step(w, data);
        w.check_pending();
    }
    w.plain.pin(false);
    w.messages.pin(false);
    w.reset();
    CHECK(w.snapshot() == at_start, "a reset left something behind");
    return 0;
}
