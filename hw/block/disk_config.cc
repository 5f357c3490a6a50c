// From what the user said to a hold on a drive; see disk_config.h.
#include "hw/block/disk_config.h"

#include "backends/block/graph.h"
#include "hw/core/device_env.h"
#include "qapi/visitor.h"
#include "util/align.h"
#include "util/text.h"

namespace vmm {

namespace {

constexpr std::array<std::string_view, 5> kOnErrorNames = {"auto", "report", "ignore", "enospc", "stop"};
constexpr qapi::EnumInfo kOnErrorInfo = {.name = "BlockdevOnError", .values = kOnErrorNames};

constexpr uint64_t kLargestBlock = 2 * kMiB;

Status check_block_size(const char* name, const std::optional<Size>& size) {
    if (!size) return {};
    if (*size >= 512 && *size <= kLargestBlock && is_power_of_two(*size)) return {};
    return Error::make("Parameter '%s' expects a power of two from 512 to 2 MiB, not %llu", name,
                       static_cast<unsigned long long>(*size));
}

Status check_multiple(const char* name, const std::optional<Size>& size, uint32_t of) {
    if (!size || (is_aligned(*size, of) && *size <= UINT32_MAX)) return {};
    return Error::make("Parameter '%s' must be a multiple of the logical block size", name);
}

uint32_t or_else(const std::optional<Size>& size, uint32_t otherwise) {
    return size ? static_cast<uint32_t>(*size) : otherwise;
}

}  // namespace

Status PropertyKind<block::OnError>::visit(qapi::Visitor& visitor, std::string_view name,
                                           block::OnError& value) {
    auto index = static_cast<size_t>(value);
    TRY(visitor.enumeration(name, index, kOnErrorInfo));
    value = static_cast<block::OnError>(index);
    return {};
}

const qapi::EnumInfo* PropertyKind<block::OnError>::values() {
    return &kOnErrorInfo;
}

Result<BlockSizes> block_sizes(const DiskConfig& config, uint32_t default_logical) {
    TRY(check_block_size("logical_block_size", config.logical_block_size));
    TRY(check_block_size("physical_block_size", config.physical_block_size));
    BlockSizes sizes;
    sizes.logical = or_else(config.logical_block_size, default_logical);
    sizes.physical = or_else(config.physical_block_size, sizes.logical);
    if (sizes.logical > sizes.physical)
        return Error::make("logical_block_size must not be larger than physical_block_size");
    TRY(check_multiple("min_io_size", config.min_io_size, sizes.logical));
    TRY(check_multiple("opt_io_size", config.opt_io_size, sizes.logical));
    TRY(check_multiple("discard_granularity", config.discard_granularity, sizes.logical));
    sizes.min_io = or_else(config.min_io_size, 0);
    sizes.opt_io = or_else(config.opt_io_size, 0);
    sizes.discard = or_else(config.discard_granularity, sizes.logical);
    return sizes;
}

Result<block::DiskRef> attach_disk(const DiskConfig& config, const DiskKind& kind, DeviceEnv& env,
                                   const std::string& id, block::DiskClient& client) {
    if (config.drive.empty() && !kind.removable)
        return Error::make("%s: drive property not set", kind.type.c_str());
    block::DiskAttachment attachment;
    attachment.qom_path = id.empty() ? std::string() : "/machine/peripheral/" + id;
    if (kind.below_device && !id.empty()) {
        attachment.qom_path += "/virtio-backend";
        attachment.named_by_path = true;
    }
    attachment.device_id = id;
    attachment.writable = kind.writable;
    attachment.resizable = kind.resizable;
    attachment.share_rw = config.share_rw;
    attachment.removable = kind.removable;
    attachment.context = kind.context;
    attachment.rerror = config.rerror;
    attachment.werror = config.werror;
    if (config.write_cache != qapi::OnOffAuto::Auto)
        attachment.write_cache = config.write_cache == qapi::OnOffAuto::On;
    return env.back_ends().block_graph().attach(config.drive, client, attachment);
}

std::string default_serial(unsigned number) {
    return strf("QM%05u", number);
}

}  // namespace vmm
