// A PCI Express switch, Texas Instruments XIO3130: x3130-upstream below a root port, and on its bus any
// number of xio3130-downstream ports with a slot each. PCI Express Base 4.0, 7.5.3; TI SLLS824.
//
// Missing: the chip's own registers above the capabilities (they read as zero), errors to report.
// Thread: as Port.
#pragma once

#include <memory>
#include <string>

#include "hw/core/device_type.h"
#include "hw/pci/port.h"

namespace vmm::pci {

class SwitchUpstream final : public Bridge {
    struct Token {};

  public:
    struct Config : FunctionConfig {
        uint8_t port = 0;
        uint16_t aer_log_max = 8;
    };
    static constexpr auto kProps = join_props(
        function_props<Config>(),
        std::array{prop<Config, &Config::port>("port", "number of the link"),
                   prop<Config, &Config::aer_log_max>("aer_log_max", "how many errors are kept, 0 to 128")});
    static constexpr DeviceInfo kInfo = {.name = "x3130-upstream",
                                         .parent = "pcie-port",
                                         .bus = "PCI",
                                         .description = "TI X3130 Upstream Port of PCI Express Switch",
                                         .category = DeviceCategory::Bridge};
    static Result<std::unique_ptr<SwitchUpstream>> create(const Config& values, DeviceEnv& env,
                                                          const std::string& id);
    SwitchUpstream(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }

  private:
    Status joining(Bus& bus) override;
};

class SwitchDownstream final : public Port {
    struct Token {};

  public:
    using Config = PortConfig;
    static constexpr auto kProps = port_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "xio3130-downstream",
                                         .parent = "pcie-slot",
                                         .bus = "PCI",
                                         .description = "TI X3130 Downstream Port of PCI Express Switch",
                                         .category = DeviceCategory::Bridge};
    static Status check(const Config& values) { return Port::check(values); }
    static Result<std::unique_ptr<SwitchDownstream>> create(const Config& values, DeviceEnv& env,
                                                            const std::string& id);
    SwitchDownstream(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }

  private:
    Status joining(Bus& bus) override;
};

}  // namespace vmm::pci
