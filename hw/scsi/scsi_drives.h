// scsi-hd and scsi-cd: a disk and a CD drive on a SCSI bus as devices of a user, with their drive=, place and
// names. The units themselves are Disk and Cd. Missing: scsi-block and scsi-generic (a host's own SCSI
// devices). Main thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "hw/block/disk_config.h"
#include "hw/block/geometry.h"
#include "hw/core/device_type.h"
#include "hw/scsi/cd.h"
#include "hw/scsi/disk.h"

namespace vmm::scsi {

struct ScsiConfig : DiskConfig {
    uint32_t channel = 0;
    std::optional<uint32_t> scsi_id, lun;
    std::string serial, ver, vendor, product, device_id;
    uint64_t wwn = 0, port_wwn = 0;
    uint16_t port_index = 0;
    uint32_t scsi_version = 5;
};
template <typename C>
constexpr auto scsi_props() {
    return join_props(disk_props<C>(),
                      std::array{
                          prop<C, &ScsiConfig::channel>("channel", "channel of the bus"),
                          prop<C, &ScsiConfig::scsi_id>("scsi-id", "target; absent: the first free one"),
                          prop<C, &ScsiConfig::lun>("lun", "logical unit of the target"),
                          prop<C, &ScsiConfig::serial>("serial", "serial number"),
                          prop<C, &ScsiConfig::ver>("ver", "product revision, up to 4 characters"),
                          prop<C, &ScsiConfig::vendor>("vendor", "vendor, up to 8 characters"),
                          prop<C, &ScsiConfig::product>("product", "product, up to 16 characters"),
                          prop<C, &ScsiConfig::device_id>("device_id", "name in the identification page"),
                          prop<C, &ScsiConfig::wwn>("wwn", "world wide name"),
                          prop<C, &ScsiConfig::port_wwn>("port_wwn", "world wide name of its port"),
                          prop<C, &ScsiConfig::port_index>("port_index", "number of its port"),
                          prop<C, &ScsiConfig::scsi_version>("scsi_version", "version in INQUIRY data"),
                      });
}

class ScsiHd final : public Device {
  public:
    struct Config : ScsiConfig, GeometryConfig {
        bool removable = false;
        bool dpofua = false;
        uint64_t max_unmap_size = uint64_t{1} << 30;
        uint64_t max_io_size = INT32_MAX;
        uint16_t rotation_rate = 0;
    };
    static constexpr auto kProps =
        join_props(scsi_props<Config>(), geometry_props<Config>(),
                   std::array{
                       prop<Config, &Config::removable>("removable", "the medium can be taken out"),
                       prop<Config, &Config::dpofua>("dpofua", "tells that FUA is understood"),
                       prop<Config, &Config::max_unmap_size>("max_unmap_size", "most bytes of one UNMAP"),
                       prop<Config, &Config::max_io_size>("max_io_size", "most bytes of one transfer"),
                       prop<Config, &Config::rotation_rate>("rotation_rate", "1: does not rotate"),
                   });
    static constexpr DeviceInfo kInfo = {.name = "scsi-hd",
                                         .parent = "scsi-disk-base",
                                         .bus = "SCSI",
                                         .description = "virtual SCSI disk",
                                         .category = DeviceCategory::Storage};

    static Status check(const Config& config);
    static Result<std::unique_ptr<ScsiHd>> create(const Config& config, DeviceEnv& env,
                                                  const std::string& id);
    ScsiHd(const Config& config, const UnitIdentity& identity, const Disk::Settings& settings,
           const std::string& id)
        : Device(id), config_(config), unit_(identity, settings) {}

    std::string_view type() const override { return kInfo.name; }
    Unit* as_scsi() override { return &unit_; }
    std::string firmware_node() const override;
    std::vector<BootPlace> boot_places() const override;
    std::optional<BiosGeometry> bios_geometry() const override;
    void unplugging() override;
    void reset_enter() override;

  private:
    const Config config_;
    Disk unit_;
    block::DiskRef drive_;  // ends before the unit that it tells
};

class ScsiCd final : public Device {
  public:
    using Config = ScsiConfig;
    static constexpr auto kProps = scsi_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "scsi-cd",
                                         .parent = "scsi-disk-base",
                                         .bus = "SCSI",
                                         .description = "virtual SCSI CD-ROM",
                                         .category = DeviceCategory::Storage};

    static Status check(const Config& config);
    static Result<std::unique_ptr<ScsiCd>> create(const Config& config, DeviceEnv& env,
                                                  const std::string& id);
    ScsiCd(const Config& config, const UnitIdentity& identity, EventLoop& loop, const std::string& id)
        : Device(id), config_(config), unit_(identity, loop) {}

    std::string_view type() const override { return kInfo.name; }
    Unit* as_scsi() override { return &unit_; }
    std::string firmware_node() const override;
    std::vector<BootPlace> boot_places() const override;
    void unplugging() override;
    void reset_enter() override;

  private:
    const Config config_;
    Cd unit_;
    block::DiskRef drive_;
};

}  // namespace vmm::scsi
