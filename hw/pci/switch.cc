// Capabilities of the switch's ports, and where they may be plugged.
#include "hw/pci/switch.h"

namespace vmm::pci {

namespace {

constexpr uint16_t kTiVendor = 0x104c, kUpstreamDevice = 0x8232, kDownstreamDevice = 0x8233;
constexpr uint32_t kBridgeClass = 0x060400;
constexpr unsigned kMessagesAt = 0x70, kSubsystemAt = 0x80, kExpressAt = 0x90, kErrorReportingAt = 0x100,
                   kAccessControlAt = kErrorReportingAt + kErrorReportingSize;

}  // namespace

Result<std::unique_ptr<SwitchUpstream>> SwitchUpstream::create(const Config& values, DeviceEnv& env,
                                                               const std::string& id) {
    return std::make_unique<SwitchUpstream>(Token{}, values, env.topology(), id);
}

SwitchUpstream::SwitchUpstream(Token, const Config& values, Topology& topology, std::string id)
    : Bridge({.vendor = kTiVendor,
              .device = kUpstreamDevice,
              .class_code = kBridgeClass,
              .revision = 2,
              .express = true},
             values, std::move(id), topology, BusKind::Express) {
    add_msi(1, VectorMasks::No, kMessagesAt);
    {
        Locked lock(mutex());
        add_subsystem_capability(kSubsystemAt, 0, 0);
        add_express_capability(config(), {.kind = ExpressKind::SwitchUpstream, .port = values.port},
                               kExpressAt);
        add_error_reporting(config(), kErrorReportingAt, ErrorReporter::Function);
    }
    freeze();
}

Status SwitchUpstream::joining(Bus& bus) {
    if (bus.kind() != BusKind::Link)
        return Error::make("x3130-upstream goes below a root port or a downstream port, not onto '%s'",
                           bus.bus_name().c_str());
    return Bridge::joining(bus);
}

Result<std::unique_ptr<SwitchDownstream>> SwitchDownstream::create(const Config& values, DeviceEnv& env,
                                                                   const std::string& id) {
    return std::make_unique<SwitchDownstream>(Token{}, values, env.topology(), id);
}

SwitchDownstream::SwitchDownstream(Token, const Config& values, Topology& topology, std::string id)
    : Port({.vendor = kTiVendor,
            .device = kDownstreamDevice,
            .class_code = kBridgeClass,
            .revision = 1,
            .interrupt_pin = 1,
            .express = true},
           values, std::move(id), topology) {
    add_msi(1, VectorMasks::No, kMessagesAt);
    {
        Locked lock(mutex());
        add_subsystem_capability(kSubsystemAt, 0, 0);
        add_express({.kind = ExpressKind::SwitchDownstream, .port = values.port}, kExpressAt);
        add_error_reporting(config(), kErrorReportingAt, ErrorReporter::Function);
        add_access_control(config(), kAccessControlAt);
    }
    freeze();
}

Status SwitchDownstream::joining(Bus& bus) {
    if (bus.kind() != BusKind::Express || bus.bridge() == nullptr)
        return Error::make("xio3130-downstream goes onto the bus of an x3130-upstream, not onto '%s'",
                           bus.bus_name().c_str());
    return Port::joining(bus);
}

}  // namespace vmm::pci
