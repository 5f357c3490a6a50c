// -blockdev, -drive and what is short for it: nodes and drives, and the devices that -drive if= brings along.
#include <algorithm>

#include "backends/block/options/open.h"
#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/object_options.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

using block::DriveConfig;
using block::DriveInterface;

constexpr unsigned kIdeDrives = 6;  // the ports of the board's AHCI controller
constexpr unsigned kFlashDrives = 2;

const char* interface_name(DriveInterface interface) {
    constexpr const char* kNames[] = {"none", "ide", "scsi", "virtio", "pflash"};
    return kNames[static_cast<size_t>(interface)];
}

// The place of a drive among those of its interface.
Result<unsigned> place_of(const Builder& builder, DriveConfig& drive) {
    const std::vector<DriveConfig>& others = builder.line.configuration.storage.drives;
    auto taken = [&](unsigned index) {
        return std::any_of(others.begin(), others.end(), [&](const DriveConfig& other) {
            return other.interface == drive.interface && other.index == index;
        });
    };
    bool ide = drive.interface == DriveInterface::Ide;
    std::optional<unsigned> index = drive.index;
    // A port of the controller is a bus with one unit.
    if (ide && (drive.bus || drive.unit)) {
        if (drive.unit.value_or(0) > 0) return Error::make("unit %u too big (max is 0)", *drive.unit);
        index = drive.bus.value_or(0);
    } else if (drive.unit) {
        index = drive.unit;
    }
    if (!index) {
        index = 0;
        while (taken(*index))
            ++*index;
    }
    if (taken(*index))
        return Error::make("drive with bus=%u, unit=%u (index=%u) exists", ide ? *index : 0, ide ? 0 : *index,
                           *index);
    unsigned most = ide ? kIdeDrives : drive.interface == DriveInterface::Pflash ? kFlashDrives : 1000;
    if (*index >= most)
        return Error::make("machine type does not support if=%s,bus=%u,unit=%u",
                           interface_name(drive.interface), ide ? *index : 0, ide ? 0 : *index);
    return *index;
}

std::string default_id(const DriveConfig& drive, unsigned index) {
    const char* name = interface_name(drive.interface);
    if (drive.interface == DriveInterface::Ide)
        return strf("%s%u-%s0", name, index, drive.cdrom ? "cd" : "hd");
    return strf("%s%u", name, index);
}

Status add_device(Builder& builder, const DriveConfig& drive, unsigned index) {
    if (drive.interface == DriveInterface::Pflash) {
        std::string& flash = builder.line.configuration.machine.boot.flash.at(index);
        if (!flash.empty())
            return Error::make("-machine pflash%u=%s and if=pflash,unit=%u are one flash", index,
                               flash.c_str(), index);
        flash = drive.id;
        return {};
    }
    qapi::Dict device;
    if (drive.interface == DriveInterface::Virtio) {
        device = {{"driver", "virtio-blk-pci"}};
    } else if (drive.interface == DriveInterface::Ide) {
        device = {{"driver", drive.cdrom ? "ide-cd" : "ide-hd"}, {"bus", strf("ide.%u", index)}};
    } else {
        return {};
    }
    device.append("drive", drive.id);
    std::string text = *device.find("driver")->if_string() + ",drive=" + drive.id;
    builder.devices.push_back({std::move(text), std::move(device), Spelling::Text});
    return {};
}

Status add_drive(Builder& builder, DriveConfig drive) {
    if (drive.interface == DriveInterface::Scsi)
        return Error::make("machine type does not support if=scsi,bus=%u,unit=%u", drive.bus.value_or(0),
                           drive.unit.value_or(0))
            .with_hint("use if=none and -device scsi-hd on a virtio-scsi controller");
    bool has_image = drive.image || drive.file;
    if (!has_image && !drive.cdrom && drive.interface != DriveInterface::None)
        return Error::make("Device needs media, but drive is empty").with_hint("give file=");
    unsigned index = 0;
    if (drive.interface != DriveInterface::None) {
        index = TRY(place_of(builder, drive));
        drive.index = index;
    }
    if (drive.id.empty()) {
        drive.id = drive.interface == DriveInterface::None
                       ? strf("none%zu", builder.line.configuration.storage.drives.size())
                       : default_id(drive, index);
    }
    TRY(check_id(drive.id));
    for (const DriveConfig& other : builder.line.configuration.storage.drives)
        if (other.id == drive.id) return Error::make("Device with id '%s' already exists", drive.id.c_str());
    if (drive.image) TRY(block::check_blockdev(*drive.image, false));
    TRY(add_device(builder, drive, index));
    builder.line.configuration.storage.drives.push_back(std::move(drive));
    return {};
}

Status add_drive_from(Builder& builder, const qapi::Dict& options) {
    builder.drives.push_back(TRY(block::parse_drive(options)));
    return {};
}

// -hda FILE and kin; the file's name may hold anything.
Status take_disk(Builder& builder, const std::string& file, const char* index, const char* media) {
    return add_drive_from(builder, {{"file", file}, {"index", index}, {"media", media}});
}

}  // namespace

Status take_blockdev(Builder& builder, const std::string& value) {
    bool json = false;
    qapi::Keyval parsed = TRY(qapi::parse_keyval_or_json(value, {.implied_key = "driver"}, &json));
    if (parsed.help) {
        const qapi::Value* driver = parsed.dict.find("driver");
        const std::string* name = driver != nullptr ? driver->if_string() : nullptr;
        builder.print(name == nullptr ? branches_help("Block drivers", qapi::kBlockdevOptionsInfo)
                                      : branch_members_help(*name, qapi::kBlockdevOptionsInfo));
        return {};
    }
    auto options = TRY(json ? qapi::from_value<qapi::BlockdevOptions>(parsed.dict)
                            : qapi::from_keyval<qapi::BlockdevOptions>(parsed.dict));
    TRY(block::check_blockdev(options, true));
    std::vector<qapi::BlockdevOptions>& nodes = builder.line.configuration.storage.nodes;
    for (const qapi::BlockdevOptions& other : nodes)
        if (other.node_name == options.node_name)
            return Error::make("Duplicate nodes with node-name='%s'", options.node_name->c_str());
    nodes.push_back(std::move(options));
    return {};
}

Status take_drive(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.flat = true}));
    return add_drive_from(builder, parsed.dict);
}

Status take_hda(Builder& builder, const std::string& value) {
    return take_disk(builder, value, "0", "disk");
}
Status take_hdb(Builder& builder, const std::string& value) {
    return take_disk(builder, value, "1", "disk");
}
Status take_hdc(Builder& builder, const std::string& value) {
    return take_disk(builder, value, "2", "disk");
}
Status take_hdd(Builder& builder, const std::string& value) {
    return take_disk(builder, value, "3", "disk");
}
Status take_cdrom(Builder& builder, const std::string& value) {
    return take_disk(builder, value, "2", "cdrom");
}
Status take_pflash(Builder& builder, const std::string& value) {
    return add_drive_from(builder, {{"file", value}, {"if", "pflash"}});
}

Status take_snapshot(Builder& builder, const std::string&) {
    builder.snapshot = true;
    return {};
}

Status finish_drives(Builder& builder) {
    for (DriveConfig& drive : builder.drives) {
        // CDs are only read; what -snapshot does to firmware variables its users want, too.
        drive.snapshot = drive.snapshot || (builder.snapshot && !drive.cdrom);
        Status added = add_drive(builder, std::move(drive));
        if (!added) return std::move(added).take_error().while_doing("-drive");
    }
    return {};
}

Status take_storage_object(Builder& builder, const qapi::ObjectOptions& object) {
    return add_storage_object(builder.line.configuration.storage, object);
}

namespace {

Status take_polling(const qapi::IothreadProperties& thread, SpinWindow::Config& config) {
    constexpr uint64_t kMost = 1'000'000'000;
    const struct {
        const char* name;
        std::optional<uint64_t> asked;
        uint64_t& value;
    } rows[] = {{"poll-max-ns", thread.poll_max_ns, config.max_ns},
                {"poll-grow", thread.poll_grow, config.grow},
                {"poll-shrink", thread.poll_shrink, config.shrink}};
    for (const auto& row : rows) {
        row.value = row.asked.value_or(row.value);
        if (row.value > kMost)
            return Error::make("%s expects at most 1000000000, not %llu", row.name,
                               static_cast<unsigned long long>(row.value));
    }
    return {};
}

}  // namespace

Status add_storage_object(block::StorageConfig& storage, const qapi::ObjectOptions& object) {
    if (auto* thread = std::get_if<qapi::IothreadProperties>(&object.u)) {
        IoThreadConfig config{.id = object.id};
        TRY(take_polling(*thread, config.poll));
        config.thread_pool_max = thread->thread_pool_max.value_or(config.thread_pool_max);
        if (config.thread_pool_max == 0 || config.thread_pool_max > 1024)
            return Error::make("thread-pool-max expects a number from 1 to 1024, not %u",
                               config.thread_pool_max);
        config.thread_pool_min = thread->thread_pool_min.value_or(0);
        if (config.thread_pool_min > config.thread_pool_max)
            return Error::make("thread-pool-min=%u is more than thread-pool-max=%u", config.thread_pool_min,
                               config.thread_pool_max);
        storage.iothreads.push_back(config);
        return {};
    }
    auto* group = std::get_if<qapi::ThrottleGroupProperties>(&object.u);
    block::ThrottleConfig limits =
        block::throttle_from_limits(group->limits.value_or(qapi::ThrottleLimits()));
    TRY(limits.check());
    storage.throttle_groups.push_back({object.id, limits});
    return {};
}

}  // namespace vmm::cli
