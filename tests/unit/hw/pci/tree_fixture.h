// A root bus and bridges made through the device tree, as users make them, with configuration accesses and
// windows by address.
#pragma once

#include <memory>
#include <string>

#include "hw/core/device_tree.h"
#include "hw/pci/bridge.h"
#include "hw/pci/bus.h"
#include "hw/pci/ecam.h"
#include "hw/pci/host.h"
#include "hw/pci/types.h"
#include "tests/fakes/fake_device_env.h"
#include "tests/unit/hw/pci/pci_fixture.h"

namespace vmm::pci {

// A TestFunction that users can name.
class NamedFunction final : public TestFunction {
  public:
    using Config = FunctionConfig;
    static constexpr auto kProps = function_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "test-function", .bus = "PCI"};
    static Result<std::unique_ptr<NamedFunction>> create(const Config& values, DeviceEnv&,
                                                         const std::string& id) {
        return std::make_unique<NamedFunction>(values, id);
    }
    NamedFunction(const Config& values, const std::string& id) : TestFunction(values, id) {}
};

struct PciTree : DeviceListener {
    FakeDeviceEnv env;
    DeviceTypes types;
    ResetList resets;
    PinLog pins;
    Bus root{Spaces{env.topology(), env.system_space(), env.io_space()}, pins, pins};
    ConfigPorts ports{root};
    EcamWindow ecam{root};
    DeviceTree tree{env, resets};
    std::vector<std::string> deleted;

    PciTree() {
        env.topology().add(env.io_space(), ports.address_region(), kConfigAddressPort);
        env.topology().add(env.io_space(), ports.data_region(), kConfigDataPort);
        env.topology().add(env.system_space(), ecam.region(), kEcam);
        register_types(types);
        types.add(device_type<NamedFunction>());
        tree.add_root_bus(root);
        tree.set_listener(this);
        resets.add(tree);
    }
    void device_deleted(const DeviceNode& node) override { deleted.push_back(node.request.id); }

    static constexpr uint64_t kEcam = 0xb0000000;

    // Empty, or why not.
    std::string add(qapi::Dict options) {
        Result<DeviceRequest> request = parse_device(types, options, Spelling::Text, {});
        if (!request) return request.error().text();
        Result<Device*> made = tree.add(*request);
        return made ? "" : made.error().text();
    }
    Function& function(const char* id) { return *tree.find(id)->device->as_pci(); }
    void settle() {
        while (env.loop().iterate(false)) {
        }
    }

    uint32_t in(Address at, unsigned offset, unsigned size) {
        return static_cast<uint32_t>(env.memory().load(address_of(at, offset), size));
    }
    void out(Address at, unsigned offset, uint32_t value, unsigned size) {
        env.memory().store(address_of(at, offset), value, size);
    }
    static Gpa address_of(Address at, unsigned offset) {
        return Gpa(kEcam + (uint64_t{at.raw()} << 12) + offset);
    }

    void number(Address bridge, uint8_t secondary, uint8_t subordinate) {
        out(bridge, kSecondaryBus, secondary, 1);
        out(bridge, kSubordinateBus, subordinate, 1);
    }
    uint8_t byte_at(uint64_t address) { return static_cast<uint8_t>(env.memory().load(Gpa(address), 1)); }
    uint8_t port_at(uint16_t port) { return static_cast<uint8_t>(env.ports().load(Gpa(port), 1)); }
};

}  // namespace vmm::pci
