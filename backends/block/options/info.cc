// Answers about drives and nodes; see commands.h.
#include "backends/block/jobs/job_filter.h"
#include "backends/block/options/commands.h"
#include "qapi/convert.h"

namespace vmm::block {

namespace {

constexpr unsigned kDeepestAnswer = 8;  // images of a chain that are shown inside each other

int64_t number(uint64_t value) {
    return static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX));
}

qapi::ImageInfo image_info(const Node& node, bool flat, unsigned depth) {
    qapi::ImageInfo info;
    info.filename = node.filename();
    info.format = node.driver();
    info.virtual_size = number(node.size());
    if (auto bytes = node.allocated_bytes()) info.actual_size = number(*bytes);
    if (node.cluster_size() != 0) info.cluster_size = node.cluster_size();
    if (node.encrypted()) info.encrypted = true;
    // What the format says of itself, under the same names.
    qapi::Dict own = node.specific_info();
    if (const qapi::Value* said = own.find("dirty-flag"))
        info.dirty_flag = said->if_bool() && *said->if_bool();
    if (const qapi::Value* said = own.find("backing-filename"))
        if (said->if_string() != nullptr) info.backing_filename = *said->if_string();
    if (const qapi::Value* said = own.find("backing-filename-format"))
        if (said->if_string() != nullptr) info.backing_filename_format = *said->if_string();
    if (const qapi::Value* said = own.find("format-specific")) info.format_specific = *said;
    const Node* backing = node.child("backing");
    if (backing == nullptr) return info;
    info.full_backing_filename = backing->filename();
    if (!info.backing_filename) info.backing_filename = info.full_backing_filename;
    if (!info.backing_filename_format) info.backing_filename_format = backing->driver();
    if (!flat && depth < kDeepestAnswer)
        info.backing_image = qapi::to_value(image_info(*backing, false, depth + 1));
    return info;
}

void copy_limits(qapi::BlockDeviceInfo& info, const ThrottleGroup* group) {
    if (group == nullptr) return;
    const ThrottleConfig config = group->config();
    auto copy = [&](ThrottleKind kind, int64_t& average, std::optional<int64_t>& burst,
                    std::optional<int64_t>& length) {
        const ThrottleLimit& limit = config.limits[static_cast<size_t>(kind)];
        average = number(limit.average);
        if (limit.burst == 0) return;
        burst = number(limit.burst);
        length = number(limit.burst_length);
    };
    copy(ThrottleKind::BytesTotal, info.bps, info.bps_max, info.bps_max_length);
    copy(ThrottleKind::BytesRead, info.bps_rd, info.bps_rd_max, info.bps_rd_max_length);
    copy(ThrottleKind::BytesWrite, info.bps_wr, info.bps_wr_max, info.bps_wr_max_length);
    copy(ThrottleKind::OpsTotal, info.iops, info.iops_max, info.iops_max_length);
    copy(ThrottleKind::OpsRead, info.iops_rd, info.iops_rd_max, info.iops_rd_max_length);
    copy(ThrottleKind::OpsWrite, info.iops_wr, info.iops_wr_max, info.iops_wr_max_length);
    if (config.op_size > 0) info.iops_size = number(config.op_size);
    info.group = group->name();
}

qapi::BlockDeviceInfo device_info(const Node& node, const BlockHandle* drive, bool flat) {
    qapi::BlockDeviceInfo info{};
    info.file = node.filename();
    info.node_name = node.name();
    info.ro = node.read_only();
    info.drv = node.driver();
    if (const Node* backing = node.child("backing")) info.backing_file = backing->filename();
    for (const Node* below = node.child("backing"); below != nullptr; below = below->child("backing"))
        ++info.backing_file_depth;
    info.encrypted = node.encrypted();
    info.detect_zeroes = static_cast<qapi::BlockdevDetectZeroesOptions>(node.options().detect_zeroes);
    info.cache = {.writeback = drive == nullptr || drive->write_cache(),
                  .direct = node.options().cache_direct,
                  .no_flush = node.options().no_flush};
    info.image = image_info(node, flat, 0);
    info.write_threshold = number(node.write_threshold());
    info.active = true;
    if (drive != nullptr) copy_limits(info, drive->throttle());
    return info;
}

// What the queries call the device: its id, or its path where it has none.
std::optional<std::string> device_name(const BlockHandle& drive) {
    const DiskAttachment* attached = drive.attachment();
    if (attached == nullptr) return std::nullopt;
    return attached->device_id.empty() || attached->named_by_path ? attached->qom_path : attached->device_id;
}

qapi::BlockDeviceStats counters(const DiskStats& stats, int64_t now_ns) {
    qapi::BlockDeviceStats out{};
    auto copy = [](const OpStats& from, int64_t& operations, int64_t& ns, int64_t& failed, int64_t& invalid) {
        operations = number(from.operations);
        ns = number(from.total_ns);
        failed = number(from.failed);
        invalid = number(from.invalid);
    };
    copy(stats.read, out.rd_operations, out.rd_total_time_ns, out.failed_rd_operations,
         out.invalid_rd_operations);
    copy(stats.write, out.wr_operations, out.wr_total_time_ns, out.failed_wr_operations,
         out.invalid_wr_operations);
    copy(stats.flush, out.flush_operations, out.flush_total_time_ns, out.failed_flush_operations,
         out.invalid_flush_operations);
    copy(stats.unmap, out.unmap_operations, out.unmap_total_time_ns, out.failed_unmap_operations,
         out.invalid_unmap_operations);
    out.rd_bytes = number(stats.read.bytes);
    out.wr_bytes = number(stats.write.bytes);
    out.unmap_bytes = number(stats.unmap.bytes);
    out.rd_merged = number(stats.read.merged);
    out.wr_merged = number(stats.write.merged);
    out.wr_highest_offset = number(stats.highest_offset);
    if (stats.idle_since_ns != 0) out.idle_time_ns = std::max<int64_t>(0, now_ns - stats.idle_since_ns);
    out.account_invalid = out.account_failed = true;
    return out;
}

qapi::BlockStats node_stats(const Node& node, unsigned depth) {
    qapi::BlockStats out{};
    out.node_name = node.name();
    if (depth == kDeepestAnswer) return out;
    if (const Node* file = node.child("file")) out.parent = qapi::to_value(node_stats(*file, depth + 1));
    if (const Node* backing = node.child("backing"))
        out.backing = qapi::to_value(node_stats(*backing, depth + 1));
    return out;
}

bool listed(const BlockHandle& drive) {
    return !drive.id().empty() || drive.attachment() != nullptr;
}

}  // namespace

std::vector<qapi::BlockInfo> query_block(const BlockGraph& graph) {
    std::vector<qapi::BlockInfo> all;
    for (const auto& drive : graph.drives()) {
        if (!listed(*drive)) continue;
        qapi::BlockInfo info{};
        info.device = drive->id();
        info.qdev = device_name(*drive);
        info.type = "unknown";
        const DiskClient* client = drive->client();
        info.removable = client == nullptr ? !drive->loaded() : drive->attachment()->removable;
        if (client != nullptr && client->has_tray()) {
            info.locked = client->tray_locked();
            info.tray_open = client->tray_open();
        }
        if (drive->loaded()) info.inserted = device_info(skip_filters(*drive->node()), drive.get(), false);
        if (client != nullptr) {
            std::string_view status = drive->io_status();
            info.io_status = status == "ok"       ? qapi::BlockDeviceIoStatus::Ok
                             : status == "failed" ? qapi::BlockDeviceIoStatus::Failed
                                                  : qapi::BlockDeviceIoStatus::Nospace;
        }
        all.push_back(std::move(info));
    }
    return all;
}

std::vector<qapi::BlockDeviceInfo> query_named_block_nodes(const BlockGraph& graph, bool flat) {
    std::vector<qapi::BlockDeviceInfo> all;
    for (const Node* node : graph.nodes())
        all.push_back(device_info(*node, nullptr, flat));
    return all;
}

std::vector<qapi::BlockStats> query_blockstats(const BlockGraph& graph, bool nodes) {
    std::vector<qapi::BlockStats> all;
    if (nodes) {
        for (const Node* node : graph.nodes())
            all.push_back(node_stats(*node, 0));
        return all;
    }
    for (const auto& drive : graph.drives()) {
        if (!listed(*drive)) continue;
        qapi::BlockStats one =
            drive->loaded() ? node_stats(skip_filters(*drive->node()), 0) : qapi::BlockStats{};
        one.device = drive->id();
        one.qdev = device_name(*drive);
        one.stats = counters(drive->stats(), monotonic_ns());
        all.push_back(std::move(one));
    }
    return all;
}

Result<BlockHandle*> find_drive(const BlockGraph& graph, const std::optional<std::string>& device,
                                const std::optional<std::string>& id) {
    if (device.has_value() == id.has_value()) return Error::make("Need exactly one of 'device' and 'id'");
    if (id) {
        BlockHandle* found = graph.find_device(*id);
        if (found != nullptr) return found;
        return Error::make("Device '%s' not found or is not a block device", id->c_str());
    }
    BlockHandle* found = graph.find_drive(*device);
    if (found != nullptr) return found;
    return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' not found", device->c_str());
}

}  // namespace vmm::block
