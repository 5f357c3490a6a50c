// Notifications without an exit to user space; see pci_notify.h.
#include "hw/virtio/pci_notify.h"

#include "system/memory/region.h"
#include "util/log.h"

namespace vmm::virtio {

NotifyEvents::NotifyEvents(AddressSpace& memory, IoEvents& events, const MemoryRegion& region)
    : memory_(memory), events_(events), region_(region) {
    memory_.add_listener(*this);
}

NotifyEvents::~NotifyEvents() {
    memory_.remove_listener(*this, AddressSpace::Farewell::Silent);
    Locked lock(mutex_);
    detach();
}

void NotifyEvents::set_queues(std::vector<Event> queues) {
    Locked lock(mutex_);
    detach();
    queues_ = std::move(queues);
    attach();
}

void NotifyEvents::section_removed(const FlatSection& section) {
    if (section.region != &region_) return;
    Locked lock(mutex_);
    detach();
    mapped_at_.reset();
}

void NotifyEvents::section_added(const FlatSection& section) {
    // What is only partly there is served without the kernel's help.
    if (section.region != &region_ || section.range.size() != region_.size()) return;
    Locked lock(mutex_);
    detach();
    mapped_at_ = section.range.first().raw();
    attach();
}

IoEventAddress NotifyEvents::address_of(const Event& event) const {
    return {.address = *mapped_at_ + event.offset};
}

void NotifyEvents::attach() {
    if (!mapped_at_) return;
    for (const Event& event : queues_) {
        Status attached = events_.attach(address_of(event), event.fd);
        if (!attached) {
            log_warning("virtio notifications leave the kernel: %s", attached.error().text().c_str());
            return;
        }
        attached_.push_back(address_of(event));
    }
}

void NotifyEvents::detach() {
    for (size_t i = 0; i < attached_.size(); ++i)
        events_.detach(attached_[i], queues_[i].fd);
    attached_.clear();
}

}  // namespace vmm::virtio
