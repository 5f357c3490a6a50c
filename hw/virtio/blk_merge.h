// Joins a driver's reads or writes that lie behind each other on the drive into one: a system call, or a
// cluster's look-up, costs the same for eight blocks as for one. Used by Blk on the loop of its drive; one
// for each queue. Requests are held back only while their queue is being served.
#pragma once

#include <memory>
#include <vector>

#include "hw/virtio/blk_request.h"

namespace vmm::virtio {

class BlkMerger {
  public:
    explicit BlkMerger(bool merges = true) : merges_(merges) {}

    // Hands the request to the drive, or holds it until one comes that does not continue it, or flush().
    // Every request's `complete` is called as if it had been alone.
    void add(block::BlockHandle& drive, BlkRequest& request);
    void flush(block::BlockHandle& drive);
    bool holds() const { return !held_.empty(); }

  private:
    struct Group final : block::DiskRequest {
        BlkMerger* owner = nullptr;
        std::vector<BlkRequest*> parts;
        std::vector<iovec> memory;
    };

    bool continues(const BlkRequest& request) const;
    Group& take_group();
    static void ended(block::DiskRequest& group);

    bool merges_;
    std::vector<BlkRequest*> held_;  // in the drive's order, each where the one before ends
    uint64_t bytes_ = 0;             // of all that are held
    size_t pieces_ = 0;
    std::vector<std::unique_ptr<Group>> all_;
    std::vector<Group*> free_;
};

}  // namespace vmm::virtio
