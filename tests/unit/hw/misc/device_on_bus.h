// One PCI or ISA device of a type on a bus of a fake machine, made from options as users write them.
#pragma once

#include <string>

#include "hw/core/device_tree.h"
#include "hw/core/system_bus.h"
#include "hw/isa/isa_bus.h"
#include "hw/pci/bus.h"
#include "tests/fakes/fake_device_env.h"

namespace vmm {

class NoPins final : public pci::IntxSink {
  public:
    void set_intx(pci::DevFn, unsigned, bool) override {}
};

struct DeviceOnBus {
    FakeDeviceEnv env;
    DeviceTypes types;
    ResetList resets;
    NoPins pins;
    pci::Bus pci{{env.topology(), env.system_space(), env.io_space()}, pins, env.messages};
    IsaBus isa{env.topology(), env.io_space()};
    SystemBus system_bus;
    DeviceTree tree{env, resets};

    DeviceOnBus() {
        tree.add_root_bus(isa);
        tree.add_root_bus(pci);
        tree.add_root_bus(system_bus);
        resets.add(tree);
    }
    // Empty, or why not.
    std::string add(qapi::Dict options) {
        Result<DeviceRequest> request = parse_device(types, options, Spelling::Text, {});
        if (!request) return request.error().text();
        Result<Device*> made = tree.add(*request);
        if (!made) return made.error().text();
        resets.reset();
        return "";
    }
    static constexpr pci::Address kAt{0, {4, 0}};
    uint32_t config(unsigned offset, unsigned size) { return pci.config_read(kAt, offset, size); }
    void configure(unsigned offset, uint32_t value, unsigned size) {
        pci.config_write(kAt, offset, value, size);
    }
    // Switches decoding on and puts BARs at these places (0: left alone).
    void place(uint32_t bar0, uint32_t bar1 = 0) {
        if (bar0 != 0) configure(pci::kBar0, bar0, 4);
        if (bar1 != 0) configure(pci::kBar0 + 4, bar1, 4);
        configure(pci::kCommand, 7, 2);
    }
    uint64_t load(uint64_t at, unsigned size) { return env.memory().load(Gpa(at), size); }
    void store(uint64_t at, uint64_t value, unsigned size) { env.memory().store(Gpa(at), value, size); }
    uint64_t in(uint16_t port, unsigned size) { return env.ports().load(Gpa(port), size); }
    void out(uint16_t port, uint64_t value, unsigned size) { env.ports().store(Gpa(port), value, size); }
};

}  // namespace vmm
