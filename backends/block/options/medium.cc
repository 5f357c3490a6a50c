// Trays, media, sizes and limits on order of the user; see commands.h.
#include "backends/block/jobs/block_jobs.h"
#include "backends/block/jobs/job_filter.h"
#include "backends/block/options/commands.h"
#include "qapi/convert.h"

namespace vmm::block {

namespace {

// For messages: the drive's id or its device's.
std::string name_of(const BlockHandle& drive) {
    if (!drive.id().empty() || drive.attachment() == nullptr) return drive.id();
    return drive.attachment()->device_id;
}

void move_tray(BlockHandle& drive, bool open) {
    DiskClient& client = *drive.client();
    bool before = client.tray_open();
    client.set_tray(open, drive.loaded());
    if (client.tray_open() != before) drive.guest_moved_tray(client.tray_open());
}

// Media go in and out of drives that are made for it, and whose tray is open where there is one.
Status check_open(const BlockHandle& drive) {
    if (drive.client() == nullptr) return {};
    if (!drive.attachment()->removable)
        return Error::make("Device '%s' is not removable", name_of(drive).c_str());
    if (drive.client()->has_tray() && !drive.client()->tray_open())
        return Error::make("Tray of device '%s' is not open", name_of(drive).c_str());
    return {};
}

}  // namespace

// True: it is open now; false: the guest was asked and may open it.
static Result<bool> try_open_tray(BlockHandle& drive, bool force) {
    DiskClient* client = drive.client();
    if (client != nullptr && !drive.attachment()->removable)
        return Error::make("Device '%s' is not removable", name_of(drive).c_str());
    if (client == nullptr || !client->has_tray() || client->tray_open()) return true;
    bool locked = client->tray_locked();
    client->eject_requested(force);
    if (locked && !force) return false;
    move_tray(drive, true);
    return true;
}

Status open_tray(BlockHandle& drive, bool force) {
    (void)TRY(try_open_tray(drive, force));
    return {};
}

Status close_tray(BlockHandle& drive) {
    DiskClient* client = drive.client();
    if (client == nullptr || !drive.attachment()->removable)
        return Error::make("Device '%s' is not removable", name_of(drive).c_str());
    if (client->has_tray() && client->tray_open()) move_tray(drive, false);
    return {};
}

Status remove_medium(BlockHandle& drive) {
    TRY(check_open(drive));
    if (!drive.loaded()) return {};
    TRY(check_idle(skip_filters(*drive.node())));
    drive.take_out();
    if (drive.client() != nullptr) drive.client()->medium_changed(false);
    return {};
}

static Status insert_node(BlockHandle& drive, Node& node) {
    TRY(check_open(drive));
    if (drive.loaded())
        return Error::make("There already is a medium in device '%s'", name_of(drive).c_str());
    TRY(drive.put_in(node));
    if (drive.client() != nullptr) drive.client()->medium_changed(true);
    return {};
}

Status insert_medium(BlockGraph& graph, BlockHandle& drive, const std::string& node_name) {
    Node* node = graph.find(node_name);
    if (node == nullptr) return Error::make("Node '%s' not found", node_name.c_str());
    for (const NodeRef* use : node->uses()) {
        if (use->role() == "root") return Error::make("Node '%s' is already in use", node_name.c_str());
    }
    return insert_node(drive, *node);
}

Status eject(BlockHandle& drive, bool force) {
    if (!TRY(try_open_tray(drive, force)))
        return Error::make(
            "Device '%s' is locked and force was not specified, wait for tray to open and try "
            "again",
            name_of(drive).c_str());
    return remove_medium(drive);
}

Status change_medium(const BlockEnv& env, BlockHandle& drive,
                     const qapi::BlockdevChangeMediumArguments& options) {
    using Mode = qapi::BlockdevChangeReadOnlyMode;
    Mode mode = options.read_only_mode.value_or(Mode::Retain);
    bool read_only = mode == Mode::ReadOnly || (mode == Mode::Retain && drive.loaded() && drive.read_only());
    qapi::Dict keys{{"file", options.filename}, {"read-only", read_only ? "on" : "off"}};
    if (options.format) keys.append("format", *options.format);
    DriveConfig config = TRY(parse_drive(keys));
    NodeRef image = TRY(open_image(env, config));
    if (!TRY(try_open_tray(drive, options.force.value_or(false))))
        return Error::make(
            "Device '%s' is locked and force was not specified, wait for tray to open and try "
            "again",
            name_of(drive).c_str());
    TRY(remove_medium(drive));
    TRY(insert_node(drive, *image));
    return close_tray(drive);
}

Status resize(const BlockGraph& graph, const qapi::BlockResizeArguments& options) {
    if (options.size < 0) return Error::make("Parameter 'size' expects a >0 size");
    uint64_t bytes = static_cast<uint64_t>(options.size);
    if (options.device) {
        BlockHandle* drive = TRY(find_drive(graph, options.device, std::nullopt));
        if (drive->loaded()) TRY(check_idle(skip_filters(*drive->node())));
        return drive->resize(bytes);
    }
    if (!options.node_name) return Error::make("Need exactly one of 'device' and 'node-name'");
    Node* node = graph.find(*options.node_name);
    if (node == nullptr)
        return Error::make("Cannot find device='' nor node-name='%s'", options.node_name->c_str());
    TRY(check_idle(*node));
    for (const auto& drive : graph.drives()) {
        if (drive->node() == node) return drive->resize(bytes);
    }
    if (!node->uses().empty()) return Error::make("Node '%s' is busy", node->name().c_str());
    return node->truncate(bytes);
}

Status set_write_threshold(const BlockGraph& graph, const qapi::BlockSetWriteThresholdArguments& options) {
    Node* node = graph.find(options.node_name);
    if (node == nullptr) return Error::make("Device '%s' not found", options.node_name.c_str());
    node->set_write_threshold(options.write_threshold);
    return {};
}

Status set_throttle(const BlockEnv& env, BlockHandle& drive, const qapi::BlockSetIoThrottleArguments& in) {
    ThrottleConfig config;
    auto set = [&](ThrottleKind kind, int64_t average, const std::optional<int64_t>& burst,
                   const std::optional<int64_t>& length) {
        // Negative numbers are as wrong as ones that are too large.
        config.limits[static_cast<size_t>(kind)] = {static_cast<uint64_t>(average),
                                                    static_cast<uint64_t>(burst.value_or(0)),
                                                    static_cast<uint64_t>(length.value_or(1))};
    };
    set(ThrottleKind::BytesTotal, in.bps, in.bps_max, in.bps_max_length);
    set(ThrottleKind::BytesRead, in.bps_rd, in.bps_rd_max, in.bps_rd_max_length);
    set(ThrottleKind::BytesWrite, in.bps_wr, in.bps_wr_max, in.bps_wr_max_length);
    set(ThrottleKind::OpsTotal, in.iops, in.iops_max, in.iops_max_length);
    set(ThrottleKind::OpsRead, in.iops_rd, in.iops_rd_max, in.iops_rd_max_length);
    set(ThrottleKind::OpsWrite, in.iops_wr, in.iops_wr_max, in.iops_wr_max_length);
    config.op_size = static_cast<uint64_t>(in.iops_size.value_or(0));
    TRY(config.check());
    if (!config.enabled()) {
        drive.set_throttle(nullptr);
        return {};
    }
    std::string name =
        in.group.value_or(drive.throttle() != nullptr ? drive.throttle()->name() : name_of(drive));
    ThrottleGroup* group = env.groups.find(name);
    if (group == nullptr)
        group = TRY(env.groups.add(name, config));
    else
        group->configure(config);
    drive.set_throttle(group);
    return {};
}

Status delete_drive(BlockGraph& graph, const std::string& id) {
    BlockHandle* drive = graph.find_drive(id);
    if (drive == nullptr) {
        if (graph.find(id) != nullptr)
            return Error::make("Node '%s' was made by blockdev-add; blockdev-del ends it", id.c_str());
        return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' not found", id.c_str());
    }
    if (drive->attachment() == nullptr) return graph.remove_drive(id);
    drive->take_out();
    drive->forget_id();
    return {};
}

}  // namespace vmm::block
