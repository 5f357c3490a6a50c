// Capabilities of the bridges to conventional buses.
#include "hw/pci/conventional_bridges.h"

#include "hw/pci/express_cap.h"

namespace vmm::pci {

namespace {

constexpr uint16_t kIntelVendor = 0x8086, kDmiBridgeDevice = 0x244e;
constexpr uint16_t kPciBridgeDevice = 0x0001, kPciePciBridgeDevice = 0x000e;
constexpr uint32_t kBridgeClass = 0x060400, kSubtractiveClass = 0x060401;

}  // namespace

Result<std::unique_ptr<PciePciBridge>> PciePciBridge::create(const Config& values, DeviceEnv& env,
                                                             const std::string& id) {
    return std::make_unique<PciePciBridge>(Token{}, values, env.topology(), id);
}

PciePciBridge::PciePciBridge(Token, const Config& values, Topology& topology, std::string id)
    : Bridge({.vendor = kRedHatVendor,
              .device = kPciePciBridgeDevice,
              .class_code = kBridgeClass,
              .interrupt_pin = 1,
              .express = true},
             values, std::move(id), topology, BusKind::Conventional) {
    {
        Locked lock(mutex());
        add_express_capability(config(), {.kind = ExpressKind::ToConventional});
        add_power_management(config());
        add_error_reporting(config(), 0x100, ErrorReporter::Function);
    }
    if (values.msi != qapi::OnOffAuto::Off) add_msi(1, VectorMasks::Yes);
    freeze();
}

Status PciePciBridge::joining(Bus& bus) {
    if (bus.kind() == BusKind::Conventional)
        return Error::make("pcie-pci-bridge goes onto a PCI Express bus, not onto '%s'",
                           bus.bus_name().c_str());
    return Bridge::joining(bus);
}

Status PciBridge::check(const Config& values) {
    if (values.chassis_nr == 0)
        return Error::make("PCI bridge chassis not specified: give each bridge its own chassis_nr, 1 to 255");
    if (values.shpc) return Error::make("pci-bridge: shpc=on: there is no standard hot-plug controller");
    return {};
}

Result<std::unique_ptr<PciBridge>> PciBridge::create(const Config& values, DeviceEnv& env,
                                                     const std::string& id) {
    return std::make_unique<PciBridge>(Token{}, values, env.topology(), id);
}

PciBridge::PciBridge(Token, const Config& values, Topology& topology, std::string id)
    : Bridge({.vendor = kRedHatVendor,
              .device = kPciBridgeDevice,
              .class_code = kBridgeClass,
              .revision = 1,
              .interrupt_pin = 1},
             values, std::move(id), topology, BusKind::Conventional) {
    constexpr unsigned kSlots = 2, kChassis = 3;
    constexpr uint8_t kFirstInChassis = 1u << 5;
    {
        Locked lock(mutex());
        const unsigned at = config().add_capability(kCapSlotId, 4);
        config().set8(at + kSlots, kFirstInChassis);
        config().set8(at + kChassis, values.chassis_nr);
    }
    if (values.msi != qapi::OnOffAuto::Off) add_msi(1, VectorMasks::Yes);
    freeze();
}

Result<std::unique_ptr<DmiBridge>> DmiBridge::create(const Config& values, DeviceEnv& env,
                                                     const std::string& id) {
    return std::make_unique<DmiBridge>(Token{}, values, env.topology(), id);
}

DmiBridge::DmiBridge(Token, const Config& values, Topology& topology, std::string id)
    : Bridge({.vendor = kIntelVendor,
              .device = kDmiBridgeDevice,
              .class_code = kSubtractiveClass,
              .revision = 0x92},
             values, std::move(id), topology, BusKind::Conventional) {
    {
        Locked lock(mutex());
        add_subsystem_capability(0x50, 0, 0);
    }
    freeze();
}

}  // namespace vmm::pci
