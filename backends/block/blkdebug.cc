// Faults on order; see blkdebug.h.
#include "backends/block/blkdebug.h"

#include <algorithm>

#include "util/align.h"

namespace vmm::block {

namespace {

constexpr uint64_t kSectorBytes = 512;

constexpr std::string_view kEvents[] = {
    "cluster_alloc",
    "cluster_alloc_bytes",
    "cluster_free",
    "cor_write",
    "empty_image_prepare",
    "flush_to_disk",
    "flush_to_os",
    "l1_grow_activate_table",
    "l1_grow_alloc_table",
    "l1_grow_write_table",
    "l1_shrink_free_l2_clusters",
    "l1_shrink_write_table",
    "l1_update",
    "l2_alloc_cow_read",
    "l2_alloc_write",
    "l2_load",
    "l2_update",
    "l2_update_compressed",
    "none",
    "pwritev",
    "pwritev_done",
    "pwritev_rmw_after_head",
    "pwritev_rmw_after_tail",
    "pwritev_rmw_head",
    "pwritev_rmw_tail",
    "pwritev_zero",
    "read_aio",
    "read_backing_aio",
    "read_compressed",
    "refblock_alloc",
    "refblock_alloc_hookup",
    "refblock_alloc_switch_table",
    "refblock_alloc_write",
    "refblock_alloc_write_blocks",
    "refblock_alloc_write_table",
    "refblock_load",
    "refblock_update",
    "refblock_update_part",
    "reftable_grow",
    "reftable_load",
    "reftable_update",
    "vmstate_load",
    "vmstate_save",
    "write_aio",
    "write_compressed",
};
static_assert(std::is_sorted(std::begin(kEvents), std::end(kEvents)));

uint8_t kind_of(Op op) {
    switch (op) {
        case Op::Read:
            return kIoRead;
        case Op::Write:
            return kIoWrite;
        case Op::WriteZeroes:
            return kIoWriteZeroes;
        case Op::Discard:
            return kIoDiscard;
        case Op::Flush:
            return kIoFlush;
    }
    UNREACHABLE();
}

bool touches(const Request& request, int64_t sector) {
    if (sector < 0) return true;
    if (request.op == Op::Flush) return false;
    uint64_t at = static_cast<uint64_t>(sector) * kSectorBytes;
    return at + kSectorBytes > request.offset && at < request.offset + request.bytes;
}

}  // namespace

std::span<const std::string_view> BlkdebugConfig::event_names() {
    return kEvents;
}

bool BlkdebugConfig::known_event(std::string_view name) {
    return std::binary_search(std::begin(kEvents), std::end(kEvents), name);
}

Result<std::unique_ptr<BlkdebugNode>> BlkdebugNode::create(NodeOptions options, Node& file,
                                                           const BlkdebugConfig& config) {
    if (config.align != 0 && !is_power_of_two(config.align))
        return Error::make("Cannot meet constraints with align %u", config.align);
    NodeRef ref = TRY(take_file(options.name, file));
    return std::make_unique<BlkdebugNode>(Token(), std::move(options), std::move(ref), config);
}

BlkdebugNode::BlkdebugNode(Token, NodeOptions options, NodeRef file, const BlkdebugConfig& config)
    : FilterNode(std::move(options), std::move(file)),
      states_(config.states),
      align_(config.align),
      max_transfer_(config.max_transfer) {
    for (const InjectError& error : config.errors)
        rules_.push_back({error, error.event == "none", false});
    child_changed();
}

void BlkdebugNode::child_changed() {
    follow_file();
    if (align_ == 0) return;
    NodeLimits limits = this->limits();
    limits.request_alignment = std::max(limits.request_alignment, align_);
    limits.max_transfer = max_transfer_;
    set_limits(limits);
    enforce_alignment(Forwards::Yes);
}

int64_t BlkdebugNode::state() const {
    Locked lock(mutex_);
    return state_;
}

// All rules see the state from before the event. The errors of the last event that had any are active.
void BlkdebugNode::debug_event(std::string_view event) {
    Locked lock(mutex_);
    int64_t next = state_;
    auto due = [&](const Rule& rule) {
        return !rule.spent && rule.error.event == event &&
               (rule.error.state == 0 || rule.error.state == state_);
    };
    if (std::any_of(rules_.begin(), rules_.end(), due)) {
        for (Rule& rule : rules_)
            rule.active = due(rule);
    }
    for (const SetState& rule : states_) {
        if (rule.event == event && (rule.state == 0 || rule.state == state_)) next = rule.new_state;
    }
    state_ = next;
}

int BlkdebugNode::judge(const Request& request) {
    Locked lock(mutex_);
    for (Rule& rule : rules_) {
        if (!rule.active || rule.spent || (rule.error.kinds & kind_of(request.op)) == 0) continue;
        if (!touches(request, rule.error.sector)) continue;
        rule.spent = rule.error.once;
        return rule.error.errno_number;
    }
    return 0;
}

void BlkdebugNode::do_submit(Request& request) {
    if (int number = judge(request); number != 0) return finish(request, -number);
    file().submit(request);
}

int BlkdebugNode::do_perform(Request& request) {
    if (int number = judge(request); number != 0) return -number;
    return file().perform(request);
}

}  // namespace vmm::block
