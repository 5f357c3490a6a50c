// Bytes as they are; see raw.h.
#include "backends/block/raw.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "backends/block/iov.h"
#include "backends/block/probe.h"
#include "backends/block/reopen.h"
#include "util/align.h"

namespace vmm::block {

namespace {

Status check_window(const RawConfig& config, uint64_t there) {
    if (config.offset > there)
        return Error::make("Offset (%llu) cannot be greater than size of the containing file (%llu)",
                           static_cast<unsigned long long>(config.offset),
                           static_cast<unsigned long long>(there));
    if (config.size && *config.size > there - config.offset)
        return Error::make(
            "The sum of offset (%llu) and size (%llu) has to be smaller or equal to the actual "
            "size of the containing file (%llu)",
            static_cast<unsigned long long>(config.offset), static_cast<unsigned long long>(*config.size),
            static_cast<unsigned long long>(there));
    if (config.size && *config.size % 512 != 0) return Error::make("Specified size is not multiple of 512");
    return {};
}

}  // namespace

Result<std::unique_ptr<RawNode>> RawNode::create(NodeOptions options, Node& file, const RawConfig& config) {
    TRY(check_window(config, file.size()));
    NodeRef ref = TRY(take_file(options.name, file));
    return std::make_unique<RawNode>(Token(), std::move(options), std::move(ref), config);
}

RawNode::RawNode(Token, NodeOptions options, NodeRef file, const RawConfig& config)
    : FilterNode(std::move(options), std::move(file)), config_(config), before_(config) {
    child_changed();
}

void RawNode::child_changed() {
    follow_file();
    if (window()) set_size(config_.size.value_or(file().size() - config_.offset));
}

Status RawNode::apply(const NodeChange& change) {
    RawConfig wanted = config_;
    if (change.own != nullptr) {
        wanted = config_in<RawConfig>(*change.own);
        wanted.probed = config_.probed;
    }
    TRY(check_window(wanted, file().size()));
    before_ = std::exchange(config_, wanted);
    return {};
}

void RawNode::undo() {
    config_ = before_;
}

// The window's end and the guard of the first sector take their time.
bool RawNode::simple(const Request& request) const {
    if (request.op == Op::Flush) return true;
    if (config_.probed && request.op == Op::Write && request.offset < kProbeBytes) return false;
    return !window() || request.offset + request.bytes <= size();
}

void RawNode::tell(const Request& request) {
    if (request.op == Op::Flush) {
        file().debug_event("flush_to_os");
        file().debug_event("flush_to_disk");
    } else if (request.op == Op::Read) {
        file().debug_event("read_aio");
    } else if (request.op == Op::Write) {
        file().debug_event("write_aio");
    }
}

void RawNode::place(Request& request) {
    if (request.op == Op::Flush) return;
    if (request.op != Op::Read && !window()) grow_size(request.offset + request.bytes);
    request.offset += config_.offset;
}

void RawNode::do_submit(Request& request) {
    if (!simple(request)) return Node::do_submit(request);
    tell(request);
    place(request);
    file().submit(request);
}

int RawNode::do_perform(Request& request) {
    tell(request);
    if (!simple(request)) return config_.probed ? write_guarded(request) : perform_at_end(request);
    place(request);
    return file().perform(request);
}

// From a copy: what was judged is what is written.
int RawNode::write_guarded(Request& request) {
    std::vector<uint8_t> copy(request.bytes);
    (void)iov_gather(request.iov, 0, copy);
    if (request.offset == 0 && probe_format(copy) != "raw") return -EPERM;
    iovec part = {copy.data(), copy.size()};
    Request write;
    write.op = Op::Write;
    write.flags = request.flags;
    write.offset = request.offset;
    write.bytes = request.bytes;
    write.iov = {&part, 1};
    place(write);
    return file().perform(write);
}

int RawNode::perform_at_end(Request& request) {
    if (request.op != Op::Read) return -ENOSPC;
    // Only what lies in the window, and zeroes for the rest.
    uint64_t inside = request.offset >= size() ? 0 : size() - request.offset;
    iov_clear(request.iov, inside);
    if (inside == 0) return 0;
    std::vector<iovec> part;
    iov_slice(request.iov, 0, inside, part);
    Request head;
    head.offset = request.offset + config_.offset;
    head.bytes = inside;
    head.iov = part;
    return file().perform(head);
}

Result<Extent> RawNode::extent(uint64_t offset, uint64_t bytes) {
    Extent here = TRY(file().extent(offset + config_.offset, std::min(bytes, size() - offset)));
    here.mapped_at = offset + config_.offset;
    return here;
}

Status RawNode::truncate(uint64_t size) {
    if (config_.size) return Error::make("Cannot resize fixed-size raw disks");
    TRY(file().truncate(size + config_.offset));
    set_size(file().size() - config_.offset);
    return {};
}

}  // namespace vmm::block
