// Bridges to conventional PCI buses: pcie-pci-bridge (1b36:000e, below a port or on the root bus), pci-bridge
// (1b36:0001) and i82801b11-bridge, the ICH9's own (8086:244e). PCI-to-PCI Bridge 1.2; PCI Express to
// PCI/PCI-X Bridge 1.0.
//
// Missing: the standard hot-plug controller (shpc=on is refused); whoever makes the machine may give these
// buses a BusHotplug.
// Thread: as Bridge.
#pragma once

#include <memory>
#include <string>

#include "hw/core/device_type.h"
#include "hw/pci/bridge.h"
#include "hw/pci/function_config.h"
#include "qapi/types_common.h"

namespace vmm::pci {

class PciePciBridge final : public Bridge {
    struct Token {};

  public:
    struct Config : FunctionConfig {
        qapi::OnOffAuto msi = qapi::OnOffAuto::Auto;
    };
    static constexpr auto kProps = join_props(
        function_props<Config>(),
        std::array{prop<Config, &Config::msi>("msi", "message-signalled interrupts of the bridge itself")});
    static constexpr DeviceInfo kInfo = {.name = "pcie-pci-bridge",
                                         .parent = "base-pci-bridge",
                                         .bus = "PCI",
                                         .description = "PCI Express to conventional PCI bridge",
                                         .category = DeviceCategory::Bridge};
    static Result<std::unique_ptr<PciePciBridge>> create(const Config& values, DeviceEnv& env,
                                                         const std::string& id);
    PciePciBridge(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }

  private:
    Status joining(Bus& bus) override;
};

class PciBridge final : public Bridge {
    struct Token {};

  public:
    struct Config : FunctionConfig {
        uint8_t chassis_nr = 0;
        qapi::OnOffAuto msi = qapi::OnOffAuto::Auto;
        bool shpc = false;
    };
    static constexpr auto kProps = join_props(
        function_props<Config>(),
        std::array{prop<Config, &Config::chassis_nr>("chassis_nr", "number of the bus's case, 1 to 255"),
                   prop<Config, &Config::msi>("msi", "message-signalled interrupts of the bridge itself"),
                   prop<Config, &Config::shpc>("shpc", "a standard hot-plug controller; off only")});
    static constexpr DeviceInfo kInfo = {.name = "pci-bridge",
                                         .parent = "base-pci-bridge",
                                         .bus = "PCI",
                                         .description = "Standard PCI Bridge",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false};
    static Status check(const Config& values);
    static Result<std::unique_ptr<PciBridge>> create(const Config& values, DeviceEnv& env,
                                                     const std::string& id);
    PciBridge(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }
};

class DmiBridge final : public Bridge {
    struct Token {};

  public:
    using Config = FunctionConfig;
    static constexpr auto kProps = function_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "i82801b11-bridge",
                                         .parent = "base-pci-bridge",
                                         .bus = "PCI",
                                         .description = "Intel 82801 DMI to PCI bridge",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false};
    static Result<std::unique_ptr<DmiBridge>> create(const Config& values, DeviceEnv& env,
                                                     const std::string& id);
    DmiBridge(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }
};

}  // namespace vmm::pci
