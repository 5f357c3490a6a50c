// NotifyEvents: has the kernel signal a queue's descriptor when the guest writes its notification address, as
// long as the driver runs and the notification block is on the memory map - wherever the guest moved it.
// Without it (no such kernel, ioeventfd=off, the call fails) the write comes to the device's region, which
// signals the same descriptor.
//
// Threads: set_running() any; the listener's calls come with the topology lock held, so its own lock is below
// that.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "system/irq/routes.h"
#include "system/memory/address_space.h"
#include "system/memory/listener.h"
#include "util/mutex.h"

namespace vmm::virtio {

class NotifyEvents final : private MemoryListener {
  public:
    struct Event {
        uint64_t offset;  // in the region
        int fd;
    };
    // All outlive this.
    NotifyEvents(AddressSpace& memory, IoEvents& events, const MemoryRegion& region);
    ~NotifyEvents() override;

    // The queues in use; empty when the driver does not run.
    void set_queues(std::vector<Event> queues);

  private:
    void section_removed(const FlatSection& section) override;
    void section_added(const FlatSection& section) override;
    void attach() REQUIRES(mutex_);
    void detach() REQUIRES(mutex_);
    IoEventAddress address_of(const Event& event) const REQUIRES(mutex_);

    AddressSpace& memory_;
    IoEvents& events_;
    const MemoryRegion& region_;
    Mutex mutex_{LockRank::IrqRouter, "virtio notification events"};
    std::optional<uint64_t> mapped_at_ GUARDED_BY(mutex_);
    std::vector<Event> queues_ GUARDED_BY(mutex_);
    std::vector<IoEventAddress> attached_ GUARDED_BY(mutex_);  // parallel to the first of queues_
};

}  // namespace vmm::virtio
