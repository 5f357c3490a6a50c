// ide-hd and ide-cd: an ATA disk and an ATAPI CD drive as devices of a user, with their drive= and names. The
// drives themselves are AtaDisk and AtapiCd. ide-cf is not there. Main thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "hw/ata/ata_disk.h"
#include "hw/ata/atapi_cd.h"
#include "hw/block/disk_config.h"
#include "hw/block/geometry.h"
#include "hw/core/device_type.h"

namespace vmm::ata {

struct IdeConfig : DiskConfig {
    std::optional<uint32_t> unit;  // 0: AHCI ports take one drive each
    std::string serial, ver, model;
    uint64_t wwn = 0;
};
template <typename C>
constexpr auto ide_props() {
    return join_props(disk_props<C>(),
                      std::array{
                          prop<C, &IdeConfig::unit>("unit", "place on the bus: 0"),
                          prop<C, &IdeConfig::serial>("serial", "serial number, up to 20 characters"),
                          prop<C, &IdeConfig::ver>("ver", "firmware revision, up to 8 characters"),
                          prop<C, &IdeConfig::model>("model", "model, up to 40 characters"),
                          prop<C, &IdeConfig::wwn>("wwn", "world wide name"),
                      });
}

class IdeHd final : public Device {
  public:
    struct Config : IdeConfig, GeometryConfig {
        uint16_t rotation_rate = 0;
    };
    static constexpr auto kProps =
        join_props(ide_props<Config>(), geometry_props<Config>(),
                   std::array{prop<Config, &Config::rotation_rate>("rotation_rate", "1: does not rotate")});
    static constexpr DeviceInfo kInfo = {.name = "ide-hd",
                                         .parent = "ide-device",
                                         .bus = "IDE",
                                         .description = "virtual IDE disk",
                                         .category = DeviceCategory::Storage,
                                         .hotpluggable = false};

    static Status check(const Config& config);
    static Result<std::unique_ptr<IdeHd>> create(const Config& config, DeviceEnv& env, const std::string& id);
    IdeHd(const Config& config, const DriveIdentity& identity, const std::string& id)
        : Device(id), config_(config), disk_(identity) {}

    std::string_view type() const override { return kInfo.name; }
    Drive* as_ata() override { return &disk_; }
    std::string firmware_node() const override { return "/disk@0"; }
    std::vector<BootPlace> boot_places() const override;
    std::optional<BiosGeometry> bios_geometry() const override;
    void unplugging() override { settle(); }
    void reset_enter() override { settle(); }

  private:
    void settle();

    const Config config_;
    AtaDisk disk_;
    block::DiskRef drive_;  // ends before the disk that it tells
};

class IdeCd final : public Device {
  public:
    using Config = IdeConfig;
    static constexpr auto kProps = ide_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "ide-cd",
                                         .parent = "ide-device",
                                         .bus = "IDE",
                                         .description = "virtual IDE CD-ROM",
                                         .category = DeviceCategory::Storage,
                                         .hotpluggable = false};

    static Status check(const Config& config);
    static Result<std::unique_ptr<IdeCd>> create(const Config& config, DeviceEnv& env, const std::string& id);
    IdeCd(const Config& config, const DriveIdentity& identity, EventLoop& loop, const std::string& id)
        : Device(id), config_(config), cd_(identity, loop) {}

    std::string_view type() const override { return kInfo.name; }
    Drive* as_ata() override { return &cd_; }
    std::string firmware_node() const override { return "/disk@0"; }
    std::vector<BootPlace> boot_places() const override;
    void unplugging() override { settle(); }
    void reset_enter() override { settle(); }

  private:
    void settle();

    const Config config_;
    AtapiCd cd_;
    block::DiskRef drive_;
};

}  // namespace vmm::ata
