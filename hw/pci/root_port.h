// Root ports: pcie-root-port, the one for new machines (1b36:000c: MSI-X, reservations for what is plugged in
// later), and ioh3420, Intel's (8086:3420: MSI). PCI Express Base 4.0; the reservation capability is the one
// that SeaBIOS and OVMF read (vendor-specific, type 1).
//
// Missing: errors to report (the registers are there), link bandwidth events, ARI.
// Thread: as Port.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hw/core/device_type.h"
#include "hw/pci/port.h"

namespace vmm::pci {

// Room that firmware keeps free behind a bridge for what is hot-plugged; empty: as firmware thinks.
struct Reservations {
    std::optional<uint32_t> buses;
    std::optional<Size> io, memory, prefetch32, prefetch64;
};
// Adds the capability when anything is reserved.
Status check(const Reservations& reserve);
void add_reservations(ConfigSpace& config, const Reservations& reserve);

class RootPort final : public Port {
    struct Token {};

  public:
    struct Config : PortConfig {
        LinkSpeed speed = LinkSpeed::Gt16;
        LinkWidth width = LinkWidth::X32;
        bool disable_acs = false;
        std::optional<uint32_t> bus_reserve;
        std::optional<Size> io_reserve, mem_reserve, pref32_reserve, pref64_reserve;

        Reservations reservations() const {
            return {bus_reserve, io_reserve, mem_reserve, pref32_reserve, pref64_reserve};
        }
    };
    static constexpr auto kProps = join_props(
        port_props<Config>(),
        std::array{
            prop<Config, &Config::speed>("x-speed", "the fastest the link can be"),
            prop<Config, &Config::width>("x-width", "the widest the link can be"),
            prop<Config, &Config::disable_acs>("disable-acs", "no access control services"),
            prop<Config, &Config::bus_reserve>("bus-reserve", "bus numbers kept for later"),
            prop<Config, &Config::io_reserve>("io-reserve", "I/O ports kept for later; 0: no I/O window"),
            prop<Config, &Config::mem_reserve>("mem-reserve", "32-bit memory kept for later"),
            prop<Config, &Config::pref32_reserve>("pref32-reserve", "32-bit prefetchable memory kept"),
            prop<Config, &Config::pref64_reserve>("pref64-reserve", "64-bit prefetchable memory kept"),
        });
    static constexpr DeviceInfo kInfo = {.name = "pcie-root-port",
                                         .parent = "pcie-root-port-base",
                                         .bus = "PCI",
                                         .description = "PCI Express Root Port",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false};
    static Status check(const Config& values);
    static Result<std::unique_ptr<RootPort>> create(const Config& values, DeviceEnv& env,
                                                    const std::string& id);
    RootPort(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }

  private:
    Status joining(Bus& bus) override;
    MemoryRegion bar_ = MemoryRegion::container("pcie-root-port-msix", 0x1000);
};

class Ioh3420 final : public Port {
    struct Token {};

  public:
    using Config = PortConfig;
    static constexpr auto kProps = port_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "ioh3420",
                                         .parent = "pcie-root-port-base",
                                         .bus = "PCI",
                                         .description = "Intel IOH device id 3420 PCIE Root Port",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false};
    static Status check(const Config& values) { return Port::check(values); }
    static Result<std::unique_ptr<Ioh3420>> create(const Config& values, DeviceEnv& env,
                                                   const std::string& id);
    Ioh3420(Token, const Config& values, Topology& topology, std::string id);
    std::string_view type() const override { return kInfo.name; }

  private:
    Status joining(Bus& bus) override;
};

}  // namespace vmm::pci
