// Making SCSI drives; see scsi_drives.h.
#include "hw/scsi/scsi_drives.h"

#include "hw/scsi/bus.h"
#include "util/text.h"

namespace vmm::scsi {

namespace {

Status check_names(const ScsiConfig& config) {
    const struct {
        const char* name;
        const std::string& text;
        size_t most;
    } limits[] = {{"serial", config.serial, 36},
                  {"ver", config.ver, 4},
                  {"vendor", config.vendor, 8},
                  {"product", config.product, 16},
                  {"device_id", config.device_id, 247}};
    for (const auto& limit : limits) {
        if (limit.text.size() > limit.most)
            return Error::make("%s must be at most %zu characters", limit.name, limit.most);
    }
    return config.scsi_version <= 7 ? Status() : Error::make("scsi_version must be at most 7");
}

UnitIdentity identity_of(const ScsiConfig& config, DeviceType type, std::string product) {
    UnitIdentity identity;
    identity.type = type;
    identity.product = config.product.empty() ? std::move(product) : config.product;
    if (!config.vendor.empty()) identity.vendor = config.vendor;
    if (!config.ver.empty()) identity.version = config.ver;
    identity.serial = config.serial;
    // Without a name of its own, that of its drive.
    identity.device_id = !config.device_id.empty() ? config.device_id
                         : !config.serial.empty()  ? config.serial
                                                   : config.drive.substr(0, 20);
    identity.wwn = config.wwn;
    identity.port_wwn = config.port_wwn;
    identity.port_index = config.port_index;
    identity.spc_version = static_cast<uint8_t>(config.scsi_version);
    return identity;
}

Unit::Place place_of(const ScsiConfig& config) {
    return {config.channel, config.scsi_id, config.lun};
}

std::string node_of(const Unit& unit) {
    const Address at = unit.address();
    return strf("/channel@%x/disk@%x,%x", at.channel, at.target, at.lun);
}

std::vector<Device::BootPlace> places_of(const DiskConfig& config) {
    if (!config.bootindex) return {};
    return {{*config.bootindex, std::string()}};
}

// Has the unit do this where it works, and waits until nothing of it is under way any more.
void settle(Unit& unit, block::DiskRef& drive, const std::function<void()>& work) {
    const auto there = [&](const std::function<void()>& what) {
        if (unit.bus() != nullptr)
            unit.bus()->on_its_loop(what);
        else
            what();
    };
    there(work);
    if (!drive) return;
    drive->cancel_parked();
    drive->drain();
    // What ended last may still be on its way to the controller.
    there([&] { unit.abort_all(); });
}

}  // namespace

Status ScsiHd::check(const Config& config) {
    TRY(check_names(config));
    TRY(check_geometry(config, kWideGeometryLimits));
    (void)TRY(block_sizes(config, 512));
    return {};
}

Result<std::unique_ptr<ScsiHd>> ScsiHd::create(const Config& config, DeviceEnv& env, const std::string& id) {
    Disk::Settings settings;
    settings.sizes = TRY(block_sizes(config, 512));
    settings.geometry = config;
    settings.dpofua = config.dpofua;
    settings.max_unmap = config.max_unmap_size;
    settings.max_io = config.max_io_size;
    settings.rotation_rate = config.rotation_rate;
    UnitIdentity identity = identity_of(config, DeviceType::Disk, "QEMU HARDDISK");
    identity.removable = config.removable;
    auto device = std::make_unique<ScsiHd>(config, identity, settings, id);
    device->drive_ = TRY(attach_disk(config, {.type = "scsi-hd"}, env, id, device->unit_));
    device->unit_.set_disk(*device->drive_);
    device->unit_.set_place(place_of(config));
    device->unit_.attention(kPowerOnReset);
    return device;
}

std::string ScsiHd::firmware_node() const {
    return node_of(unit_);
}

std::vector<Device::BootPlace> ScsiHd::boot_places() const {
    return places_of(config_);
}

std::optional<Device::BiosGeometry> ScsiHd::bios_geometry() const {
    const std::optional<Geometry> g = vmm::bios_geometry(config_);
    if (!g) return std::nullopt;
    return BiosGeometry{g->cylinders, g->heads, g->sectors};
}

void ScsiHd::unplugging() {
    settle(unit_, drive_, [this] { unit_.close(); });
}

void ScsiHd::reset_enter() {
    settle(unit_, drive_, [this] { unit_.reset(kPowerOnReset); });
}

Status ScsiCd::check(const Config& config) {
    TRY(check_names(config));
    const BlockSizes sizes = TRY(block_sizes(config, 2048));
    if (sizes.logical != 2048) return Error::make("logical_block_size must be 2048 for a CD");
    return {};
}

Result<std::unique_ptr<ScsiCd>> ScsiCd::create(const Config& config, DeviceEnv& env, const std::string& id) {
    const UnitIdentity identity = identity_of(config, DeviceType::CdRom, "QEMU CD-ROM");
    auto device = std::make_unique<ScsiCd>(config, identity, env.loop(), id);
    const DiskKind kind = {.type = "scsi-cd", .writable = false, .removable = true, .resizable = false};
    device->drive_ = TRY(attach_disk(config, kind, env, id, device->unit_));
    device->unit_.set_disk(*device->drive_);
    device->unit_.set_place(place_of(config));
    device->unit_.attention(kPowerOnReset);
    return device;
}

std::string ScsiCd::firmware_node() const {
    return node_of(unit_);
}

std::vector<Device::BootPlace> ScsiCd::boot_places() const {
    return places_of(config_);
}

void ScsiCd::unplugging() {
    settle(unit_, drive_, [this] { unit_.close(); });
}

void ScsiCd::reset_enter() {
    settle(unit_, drive_, [this] { unit_.reset(kPowerOnReset); });
}

}  // namespace vmm::scsi
