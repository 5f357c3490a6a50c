// The chipset under a hostile guest: any configuration, port and memory access in any order. It may not
// crash; RAM is never seen at two addresses at once (but through the SMRAM window), the masks hold, and after
// a reset everything is as at start.
#include <cstdint>

#include "tests/unit/hw/i386/chipset_fixture.h"

using namespace vmm;

namespace {

constexpr unsigned kFunctions = 2, kConfigSize = 256;

class Input {
  public:
    Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
    bool empty() const { return left_ == 0; }
    uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    uint32_t number(unsigned bytes) {
        uint32_t value = 0;
        for (unsigned i = 0; i < bytes; ++i)
            value |= uint32_t{byte()} << (8 * i);
        return value;
    }

  private:
    const uint8_t* data_;
    size_t left_;
};

std::vector<uint32_t> snapshot(ChipsetWorld& w) {
    std::vector<uint32_t> all;
    pci::Function* const functions[kFunctions] = {&w.mch, &w.lpc};
    for (pci::Function* function : functions)
        for (unsigned at = 0; at < kConfigSize; at += 4)
            all.push_back(function->config_read(at, 4));
    for (unsigned gsi = 0; gsi < kIoApicPins; ++gsi)
        all.push_back(w.pins.level(gsi));
    all.push_back(static_cast<uint32_t>(w.memory.view()->sections().size()));
    all.push_back(static_cast<uint32_t>(w.ports.view()->sections().size()));
    return all;
}

void check_map(ChipsetWorld& w) {
    for (const FlatSection& s : w.memory.view()->sections()) {
        if (s.ram != w.ram_block.get()) continue;
        const bool at_home = s.ram_offset.raw() == s.range.first().raw();
        const bool smram = s.range.first().raw() >= 0xfeda0000;
        CHECK(at_home || smram, "RAM offset 0x%llx shows at 0x%llx",
              static_cast<unsigned long long>(s.ram_offset.raw()),
              static_cast<unsigned long long>(s.range.first().raw()));
    }
}

void one_step(ChipsetWorld& w, Input& input) {
    const uint8_t what = input.byte();
    const unsigned size = 1u << (what >> 4 & 1) << (what >> 5 & 1);  // 1, 2 or 4
    const bool write = (what & 0x80) != 0;
    const unsigned at = input.byte() & ~(size - 1);
    pci::Function& function = (what & 8) != 0 ? static_cast<pci::Function&>(w.lpc) : w.mch;
    auto access = [&](AddressSpace& space, uint64_t address) {
        if (write)
            space.store(Gpa(address), input.number(size), size);
        else
            (void)space.load(Gpa(address), size);
    };
    switch (what & 7) {
        case 0:
        case 1:
            if (write)
                function.config_write(at, input.number(size), size);
            else
                (void)function.config_read(at, size);
            break;
        case 2:
            access(w.ports, (w.lpc.config_read(0x40, 2) & 0xff80u) + (at & 0x7f));
            break;
        case 3:
            access(w.ports, (what & 8) != 0 ? 0xb2 + (at & 1) : at);
            break;
        case 4:
            access(w.memory, (w.lpc.config_read(0xf0, 4) & 0xffffc000u) + 0x3100 + at * 4);
            break;
        case 5:
            access(w.memory,
                   (w.mch.config_read(0x60, 4) & 0xfc000000u) | ((what & 8) != 0 ? 0x1fu << 15 : 0) | at);
            break;
        case 6:
            w.router.set_intx(pci::DevFn::from_raw(static_cast<uint8_t>(at)), what >> 3 & 3, write);
            break;
        case 7:
            w.clock.advance(int64_t{input.number(2)} * 1'000'000);
            (void)w.lpc.pm().press_power_button();
            w.lpc.pm().raise_gpe(at & 63);
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ChipsetWorld w;
    const std::vector<uint32_t> at_start = snapshot(w);
    Input input(data, size);
    while (!input.empty()) {
        one_step(w, input);
        check_map(w);
    }
    for (unsigned source = 0; source < 256; ++source)
        for (unsigned pin = 0; pin < 4; ++pin)
            w.router.set_intx(pci::DevFn::from_raw(static_cast<uint8_t>(source)), pin, false);
    w.reset();
    CHECK(snapshot(w) == at_start, "a reset left something behind");
    CHECK(!w.clock.next_expiry(), "a reset left the timer armed");
    return 0;
}
