// Configuration space of a tree with bridges, ports and a switch under a hostile guest: accesses of any width
// to any bus, windows and bus numbers programmed at will, slots switched on and off, pins. It may not crash;
// no pin stays up once all are down; and a reset with the same devices is the same start again.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/unit/hw/pci/tree_fixture.h"
#include "util/check.h"
#include "util/endian.h"

using namespace vmm;

namespace {

struct World : pci::PciTree {
    World() {
        need({{"driver", "pcie-root-port"}, {"id", "rp"}, {"addr", "1"}, {"chassis", "1"}});
        need({{"driver", "ioh3420"}, {"id", "ioh"}, {"addr", "2"}, {"chassis", "2"}});
        need({{"driver", "x3130-upstream"}, {"id", "up"}, {"bus", "ioh"}});
        need({{"driver", "xio3130-downstream"}, {"id", "down"}, {"bus", "up"}, {"chassis", "3"}});
        need({{"driver", "pcie-pci-bridge"}, {"id", "pp"}, {"addr", "3"}});
        need({{"driver", "pci-bridge"}, {"id", "pb"}, {"bus", "pp"}, {"chassis_nr", "1"}, {"addr", "1"}});
        need({{"driver", "test-function"}, {"id", "leaf"}, {"bus", "pb"}, {"addr", "2"}});
        fill();
        tree.set_running();
    }
    void need(qapi::Dict options) {
        const std::string refused = add(std::move(options));
        CHECK(refused.empty(), "%s", refused.c_str());
    }
    // What a guest can eject.
    void fill() {
        if (tree.find("hot") == nullptr)
            (void)add({{"driver", "test-function"}, {"id", "hot"}, {"bus", "rp"}});
    }
    void pin(const char* id, bool level) {
        if (tree.find(id) != nullptr) static_cast<pci::NamedFunction&>(function(id)).pin(level);
    }
    std::vector<uint32_t> snapshot() {
        std::vector<uint32_t> all;
        root.for_each([&](pci::Function& function) {
            for (unsigned offset = 0; offset < function.config_size(); offset += 4)
                all.push_back(function.config_read(offset, 4));
        });
        all.push_back(static_cast<uint32_t>(env.memory().view()->sections().size()));
        all.push_back(static_cast<uint32_t>(env.ports().view()->sections().size()));
        return all;
    }
};

// Few buses and slots, so that accesses meet.
pci::Address target(uint8_t a, uint8_t b) {
    constexpr pci::DevFn kPlaces[] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
    const auto bus = static_cast<uint8_t>(a % 8);
    return {bus, (b & 0x80) != 0 ? pci::DevFn::from_raw(b) : kPlaces[b % 4]};
}

// Eight bytes a step: what, bus, place, offset (2), value (3).
void one_step(World& w, const uint8_t* step) {
    const pci::Address at = target(step[1], step[2]);
    const unsigned size = 1u << (step[0] >> 4 & 1) << (step[0] >> 5 & 1);
    const unsigned raw = load_le<uint16_t>(step + 3);
    const unsigned offset = (raw & 0x8000) != 0 ? raw & 0xfff : raw & 0xff;
    const uint32_t value = step[5] | step[6] << 8 | uint32_t{step[7]} << 16 | uint32_t{step[5]} << 24;
    switch (step[0] & 7) {
        case 0:
        case 1:
        case 2:
            return w.out(at, offset, value, size);
        case 3:
            (void)w.in(at, offset, size);
            return;
        case 4:
            return w.pin("leaf", (step[1] & 1) != 0);
        case 5:
            return w.pin("hot", (step[1] & 1) != 0);
        case 6:
            if (w.tree.find("hot") != nullptr) (void)w.tree.request_removal("hot");
            w.settle();
            return;
        case 7:
            w.settle();
            w.fill();
            return;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kStep = 8, kMostSteps = 1000;
    World w;
    w.resets.reset();
    const std::vector<uint32_t> at_start = w.snapshot();
    for (size_t step = 0; size >= kStep && step < kMostSteps; ++step, data += kStep, size -= kStep)
        one_step(w, data);
    w.pin("leaf", false);
    w.pin("hot", false);
    w.settle();
    w.resets.reset();
    w.settle();
    const size_t rises = static_cast<size_t>(std::count(w.pins.log.begin(), w.pins.log.end(), '+'));
    CHECK(rises * 2 == static_cast<size_t>(std::count(w.pins.log.begin(), w.pins.log.end(), ' ')),
          "a pin stayed up: %s", w.pins.log.c_str());
    w.fill();
    w.resets.reset();
    CHECK(w.snapshot() == at_start, "a reset left something behind");
    return 0;
}
