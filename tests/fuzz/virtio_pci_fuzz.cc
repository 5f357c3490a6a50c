// A virtio function's registers under a hostile guest: both interfaces, configuration space and its window,
// queues placed anywhere, notifications at any time. It may not crash; a reset brings it back to its start.
#include "tests/unit/hw/virtio/pci_driver.h"

using namespace vmm;
using namespace vmm::virtio;

namespace {

std::vector<uint64_t> snapshot(PciDriver& d) {
    std::vector<uint64_t> all;
    for (uint64_t at = 0; at < common::kEnd; at += 4)
        all.push_back(d.get(at, 4));
    for (uint64_t at = 0; at < 64; at += 4)
        all.push_back(d.config(at, 4));
    return all;
}

// Six bytes a step: what, where (2), value (3).
void one_step(VirtioMachine& machine, PciDriver& d, const uint8_t* step) {
    const unsigned size = 1u << (step[0] >> 4 & 3);
    const auto where = load_le<uint16_t>(step + 1);
    const uint64_t value = load_le<uint16_t>(step + 3) | uint64_t{step[5]} << 16;
    const uint64_t block = uint64_t{(step[0] & 7u) % 4} * kBlockSize;
    switch (step[0] & 7) {
        case 0:
            d.put(where % common::kEnd, value, size);
            break;
        case 1:
        case 2:
        case 3:
            d.put(block + where % 64, value, size);
            break;
        case 4:
            d.out(static_cast<uint16_t>(where % 64), static_cast<uint32_t>(value), std::min(size, 4u));
            break;
        case 5:
            (void)d.get(uint64_t{where} % 0x4000, size);
            (void)d.in(static_cast<uint16_t>(where % 64), std::min(size, 4u));
            break;
        case 6:
            // Not the BARs, which the other steps need.
            if (where % 256 >= 0x40 || where % 256 == pci::kCommand)
                d.function().config_write(where % 256 & ~3u, static_cast<uint32_t>(value), 4);
            (void)d.function().config_read(where % 256 & ~3u, 4);
            break;
        default:
            machine.memory.put<uint32_t>(0x10000 + where, static_cast<uint32_t>(value));
            break;
    }
    machine.settle();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kStep = 6, kMostSteps = 500;
    if (size < 1) return 0;
    VirtioMachine machine;
    qapi::Dict options;
    options.set("driver",
                qapi::Value(std::string(data[0] % 2 == 0 ? "virtio-rng-pci" : "virtio-serial-pci")));
    options.set("id", qapi::Value(std::string("v")));
    options.set("packed", qapi::Value(std::string(data[0] & 2 ? "on" : "off")));
    CHECK(machine.add(options).empty(), "the device");
    PciDriver d(machine, "v");
    const std::vector<uint64_t> at_start = snapshot(d);
    ++data, --size;
    for (size_t step = 0; size >= kStep && step < kMostSteps; ++step, data += kStep, size -= kStep)
        one_step(machine, d, data);
    machine.resets.reset();
    machine.settle();
    PciDriver again(machine, "v");
    CHECK(snapshot(again) == at_start, "a reset left something behind");
    return 0;
}
