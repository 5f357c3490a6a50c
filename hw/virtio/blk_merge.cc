// Joining requests; see blk_merge.h.
#include "hw/virtio/blk_merge.h"

#include <utility>

#include "util/align.h"

namespace vmm::virtio {

namespace {

// What one call of the kernel takes, and what a worker should be busy with at once.
constexpr size_t kMostPieces = 1024;
constexpr uint64_t kMostBytes = kMiB;

bool moves_data(const block::Request& request) {
    return request.op == block::Op::Read || request.op == block::Op::Write;
}

}  // namespace

bool BlkMerger::continues(const BlkRequest& request) const {
    const BlkRequest& last = *held_.back();
    return request.op == last.op && request.flags == last.flags &&
           request.offset == last.offset + last.bytes && bytes_ + request.bytes <= kMostBytes &&
           pieces_ + request.iov.size() <= kMostPieces;
}

void BlkMerger::add(block::BlockHandle& drive, BlkRequest& request) {
    if (!held_.empty() && !continues(request)) flush(drive);
    if (!merges_ || !moves_data(request)) return drive.submit(request);
    held_.push_back(&request);
    bytes_ += request.bytes;
    pieces_ += request.iov.size();
}

BlkMerger::Group& BlkMerger::take_group() {
    if (free_.empty()) {
        all_.push_back(std::make_unique<Group>());
        free_.push_back(all_.back().get());
        free_.back()->owner = this;
        free_.back()->complete = ended;
    }
    Group& group = *free_.back();
    free_.pop_back();
    return group;
}

void BlkMerger::flush(block::BlockHandle& drive) {
    if (held_.empty()) return;
    const uint64_t bytes = std::exchange(bytes_, 0);
    pieces_ = 0;
    if (held_.size() == 1) {
        BlkRequest& alone = *held_.front();
        held_.clear();
        return drive.submit(alone);
    }
    Group& group = take_group();
    group.parts.swap(held_);
    const BlkRequest& first = *group.parts.front();
    group.memory.clear();
    for (const BlkRequest* part : group.parts)
        for (const iovec& piece : part->iov)
            group.memory.push_back(piece);
    group.op = first.op;
    group.flags = first.flags;
    group.offset = first.offset;
    group.bytes = bytes;
    group.iov = group.memory;
    group.stands_for = static_cast<unsigned>(group.parts.size());
    drive.submit(group);
}

void BlkMerger::ended(block::DiskRequest& one) {
    auto& group = static_cast<Group&>(one);
    for (BlkRequest* part : group.parts) {
        part->result = group.result;
        part->complete(*part);
    }
    group.parts.clear();
    group.owner->free_.push_back(&group);
}

}  // namespace vmm::virtio
