// irqfd and ioeventfd; see irq_fds.h.
#include "accel/kvm/irq_fds.h"

#include "util/log.h"

namespace vmm::kvm {

namespace {
kvm_irqfd irqfd(unsigned gsi, int event_fd, uint32_t flags) {
    kvm_irqfd argument{};
    argument.gsi = gsi;
    argument.fd = static_cast<uint32_t>(event_fd);
    argument.flags = flags;
    return argument;
}

kvm_ioeventfd ioeventfd(const IoEventAddress& address, int event_fd, uint32_t flags) {
    kvm_ioeventfd argument{};
    argument.addr = address.address;
    argument.len = address.size;
    argument.fd = event_fd;
    argument.flags = flags;
    if (address.port) argument.flags |= KVM_IOEVENTFD_FLAG_PIO;
    if (address.value) {
        argument.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
        argument.datamatch = *address.value;
    }
    return argument;
}
}  // namespace

Status KvmIrqFds::attach(unsigned gsi, int event_fd) {
    kvm_irqfd argument = irqfd(gsi, event_fd, 0);
    TRY(vm_.ioctl<KVM_IRQFD>(argument));
    Locked lock(mutex_);
    attached_.emplace_back(gsi, event_fd);
    return {};
}

void KvmIrqFds::detach(unsigned gsi, int event_fd) {
    {
        Locked lock(mutex_);
        std::erase(attached_, std::pair(gsi, event_fd));
    }
    if (vm_.gone()) return;  // and its attachments with it
    kvm_irqfd argument = irqfd(gsi, event_fd, KVM_IRQFD_FLAG_DEASSIGN);
    Result<int> got = vm_.ioctl<KVM_IRQFD>(argument);
    if (!got) log_error("could not detach GSI %u: %s", gsi, got.error().text().c_str());
}

Status KvmIrqFds::renew() {
    Locked lock(mutex_);
    for (const auto& [gsi, event_fd] : attached_) {
        kvm_irqfd argument = irqfd(gsi, event_fd, 0);
        TRY(vm_.ioctl<KVM_IRQFD>(argument));
    }
    return {};
}

Status KvmIoEvents::attach(const IoEventAddress& address, int event_fd) {
    kvm_ioeventfd argument = ioeventfd(address, event_fd, 0);
    TRY(vm_.ioctl<KVM_IOEVENTFD>(argument));
    Locked lock(mutex_);
    attached_.emplace_back(address, event_fd);
    return {};
}

void KvmIoEvents::detach(const IoEventAddress& address, int event_fd) {
    {
        Locked lock(mutex_);
        std::erase(attached_, std::pair(address, event_fd));
    }
    if (vm_.gone()) return;
    kvm_ioeventfd argument = ioeventfd(address, event_fd, KVM_IOEVENTFD_FLAG_DEASSIGN);
    Result<int> got = vm_.ioctl<KVM_IOEVENTFD>(argument);
    if (!got) {
        log_error("could not detach the event at 0x%llx: %s",
                  static_cast<unsigned long long>(address.address), got.error().text().c_str());
    }
}

Status KvmIoEvents::renew() {
    Locked lock(mutex_);
    for (const auto& [address, event_fd] : attached_) {
        kvm_ioeventfd argument = ioeventfd(address, event_fd, 0);
        TRY(vm_.ioctl<KVM_IOEVENTFD>(argument));
    }
    return {};
}

}  // namespace vmm::kvm
