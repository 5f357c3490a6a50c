// Where each root port has its capabilities.
#include "hw/pci/root_port.h"

#include "system/memory/topology.h"
#include "util/endian.h"

namespace vmm::pci {

namespace {

constexpr uint16_t kRootPortDevice = 0x000c;
constexpr uint16_t kIntelVendor = 0x8086, kIohDevice = 0x3420;
constexpr uint32_t kBridgeClass = 0x060400;
constexpr unsigned kErrorReportingAt = 0x100, kAccessControlAt = kErrorReportingAt + kErrorReportingSize;

// Only a root complex has root ports.
Status needs_root(const Bus& bus, std::string_view type) {
    if (bus.bridge() == nullptr) return {};
    return Error::make("%.*s goes onto a root bus (pcie.0), not onto '%s'", static_cast<int>(type.size()),
                       type.data(), bus.bus_name().c_str());
}

}  // namespace

Status check(const Reservations& r) {
    const auto below_4g = [](const std::optional<Size>& size) { return !size || *size < 4 * kGiB; };
    if (r.prefetch32 && r.prefetch64)
        return Error::make("pref32-reserve and pref64-reserve exclude each other");
    if (!below_4g(r.memory)) return Error::make("mem-reserve must be less than 4G");
    if (!below_4g(r.prefetch32)) return Error::make("pref32-reserve must be less than 4G");
    return {};
}

void add_reservations(ConfigSpace& config, const Reservations& r) {
    constexpr unsigned kSize = 32, kLength = 2, kType = 3, kBuses = 4, kIo = 8, kMemory = 16,
                       kPrefetch32 = 20, kPrefetch64 = 24;
    constexpr uint8_t kResources = 1;
    if (!r.buses && !r.io && !r.memory && !r.prefetch32 && !r.prefetch64) return;
    const auto number = [](const std::optional<Size>& size) { return size ? size->bytes : ~uint64_t{0}; };
    const auto set64 = [&config](unsigned at, uint64_t value) {
        config.set32(at, static_cast<uint32_t>(value));
        config.set32(at + 4, static_cast<uint32_t>(value >> 32));
    };
    const unsigned at = config.add_capability(kCapVendor, kSize);
    config.set8(at + kLength, kSize);
    config.set8(at + kType, kResources);
    config.set32(at + kBuses, r.buses.value_or(~0u));
    set64(at + kIo, number(r.io));
    config.set32(at + kMemory, static_cast<uint32_t>(number(r.memory)));
    config.set32(at + kPrefetch32, static_cast<uint32_t>(number(r.prefetch32)));
    set64(at + kPrefetch64, number(r.prefetch64));
}

Status RootPort::check(const Config& values) {
    TRY(Port::check(values));
    return pci::check(values.reservations());
}

Result<std::unique_ptr<RootPort>> RootPort::create(const Config& values, DeviceEnv& env,
                                                   const std::string& id) {
    return std::make_unique<RootPort>(Token{}, values, env.topology(), id);
}

RootPort::RootPort(Token, const Config& values, Topology& topology, std::string id)
    : Port({.vendor = kRedHatVendor,
            .device = kRootPortDevice,
            .class_code = kBridgeClass,
            .interrupt_pin = 1,
            .express = true},
           values, std::move(id), topology) {
    constexpr unsigned kSubsystemAt = 0x40, kMessagesAt = 0x48, kExpressAt = 0x54, kPendingAt = 0x800;
    add_bar(0, BarKind::Memory32, bar_);
    {
        Locked lock(mutex());
        add_subsystem_capability(kSubsystemAt, kRedHatVendor, 0);
    }
    Msix& messages = add_msix({.vectors = 1, .bar = 0, .pending_offset = kPendingAt, .at = kMessagesAt});
    topology.add(bar_, messages.table(), 0);
    topology.add(bar_, messages.pending(), kPendingAt);
    {
        Locked lock(mutex());
        add_express({.kind = ExpressKind::RootPort,
                     .port = values.port,
                     .speed = values.speed,
                     .width = static_cast<uint8_t>(values.width)},
                    kExpressAt);
        add_reservations(config(), values.reservations());
        if (values.io_reserve && *values.io_reserve == 0) remove_io_window();
        add_error_reporting(config(), kErrorReportingAt, ErrorReporter::RootPort);
        if (!values.disable_acs) add_access_control(config(), kAccessControlAt);
    }
    freeze();
}

Status RootPort::joining(Bus& bus) {
    TRY(needs_root(bus, type()));
    return Port::joining(bus);
}

Result<std::unique_ptr<Ioh3420>> Ioh3420::create(const Config& values, DeviceEnv& env,
                                                 const std::string& id) {
    return std::make_unique<Ioh3420>(Token{}, values, env.topology(), id);
}

Ioh3420::Ioh3420(Token, const Config& values, Topology& topology, std::string id)
    : Port({.vendor = kIntelVendor,
            .device = kIohDevice,
            .class_code = kBridgeClass,
            .revision = 2,
            .interrupt_pin = 1,
            .express = true},
           values, std::move(id), topology) {
    constexpr unsigned kSubsystemAt = 0x40, kMessagesAt = 0x60, kExpressAt = 0x90;
    {
        Locked lock(mutex());
        add_subsystem_capability(kSubsystemAt, kIntelVendor, 0);
    }
    add_msi(2, VectorMasks::Yes, kMessagesAt);
    {
        Locked lock(mutex());
        add_express({.kind = ExpressKind::RootPort, .port = values.port}, kExpressAt);
        add_error_reporting(config(), kErrorReportingAt, ErrorReporter::RootPort);
        add_access_control(config(), kAccessControlAt);
    }
    freeze();
}

Status Ioh3420::joining(Bus& bus) {
    TRY(needs_root(bus, type()));
    return Port::joining(bus);
}

}  // namespace vmm::pci
