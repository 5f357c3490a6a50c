// Making IDE drives; see ide_drives.h.
#include "hw/ata/ide_drives.h"

namespace vmm::ata {

namespace {

Status check_names(const IdeConfig& config) {
    if (config.unit.value_or(0) != 0)
        return Error::make("Can't create IDE unit %u, bus supports only 1 units", *config.unit);
    if (config.serial.size() > 20) return Error::make("serial must be at most 20 characters");
    if (config.ver.size() > 8) return Error::make("ver must be at most 8 characters");
    if (config.model.size() > 40) return Error::make("model must be at most 40 characters");
    return {};
}

DriveIdentity identity_of(const IdeConfig& config, std::string model) {
    DriveIdentity identity;
    identity.serial = config.serial;
    identity.model = config.model.empty() ? std::move(model) : config.model;
    if (!config.ver.empty()) identity.version = config.ver;
    identity.wwn = config.wwn;
    return identity;
}

std::vector<Device::BootPlace> places_of(const DiskConfig& config) {
    if (!config.bootindex) return {};
    return {{*config.bootindex, std::string()}};
}

// Nothing is under way any more once this returns.
void settle_drive(Drive& drive, block::DiskRef& ref) {
    if (!ref) return;
    drive.abandon();
    ref->cancel_parked();
    ref->drain();
}

}  // namespace

Status IdeHd::check(const Config& config) {
    TRY(check_names(config));
    TRY(check_geometry(config, kAtaGeometryLimits));
    const BlockSizes sizes = TRY(block_sizes(config, 512));
    if (sizes.logical != 512) return Error::make("logical_block_size must be 512 for IDE");
    return {};
}

Result<std::unique_ptr<IdeHd>> IdeHd::create(const Config& config, DeviceEnv& env, const std::string& id) {
    const BlockSizes sizes = TRY(block_sizes(config, 512));
    DriveIdentity identity = identity_of(config, "QEMU HARDDISK");
    identity.physical_sector = sizes.physical;
    identity.rotation_rate = config.rotation_rate;
    identity.trim = sizes.discard != 0;
    identity.geometry = {config.cyls, config.heads, config.secs};
    auto device = std::make_unique<IdeHd>(config, identity, id);
    device->drive_ = TRY(attach_disk(config, {.type = "ide-hd"}, env, id, device->disk_));
    device->disk_.set_disk(*device->drive_);
    return device;
}

std::vector<Device::BootPlace> IdeHd::boot_places() const {
    return places_of(config_);
}

std::optional<Device::BiosGeometry> IdeHd::bios_geometry() const {
    const std::optional<Geometry> g = vmm::bios_geometry(config_);
    if (!g) return std::nullopt;
    return BiosGeometry{g->cylinders, g->heads, g->sectors};
}

void IdeHd::settle() {
    settle_drive(disk_, drive_);
}

Status IdeCd::check(const Config& config) {
    TRY(check_names(config));
    const BlockSizes sizes = TRY(block_sizes(config, 2048));
    if (sizes.logical != 2048) return Error::make("logical_block_size must be 2048 for a CD");
    return {};
}

Result<std::unique_ptr<IdeCd>> IdeCd::create(const Config& config, DeviceEnv& env, const std::string& id) {
    auto device = std::make_unique<IdeCd>(config, identity_of(config, "QEMU DVD-ROM"), env.loop(), id);
    const DiskKind kind = {.type = "ide-cd", .writable = false, .removable = true, .resizable = false};
    device->drive_ = TRY(attach_disk(config, kind, env, id, device->cd_.unit()));
    device->cd_.unit().set_disk(*device->drive_);
    return device;
}

std::vector<Device::BootPlace> IdeCd::boot_places() const {
    return places_of(config_);
}

void IdeCd::settle() {
    settle_drive(cd_, drive_);
}

}  // namespace vmm::ata
