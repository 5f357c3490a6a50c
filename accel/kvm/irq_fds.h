// Descriptors that stand for interrupts (KVM_IRQFD) and for guest writes (KVM_IOEVENTFD). What is attached is
// remembered for the case that the VM is made anew; detaching what is not attached is a mistake of ours.
// Thread-safe.
#pragma once

#include <utility>
#include <vector>

#include "accel/kvm/vm.h"
#include "system/irq/routes.h"
#include "util/mutex.h"

namespace vmm::kvm {

class KvmIrqFds final : public IrqFds {
  public:
    explicit KvmIrqFds(Vm& vm) : vm_(vm) {}
    Status attach(unsigned gsi, int event_fd) override;
    void detach(unsigned gsi, int event_fd) override;
    // The VM is a new one: attaches everything again.
    Status renew();

  private:
    Vm& vm_;
    Mutex mutex_{LockRank::Leaf, "irqfds"};
    std::vector<std::pair<unsigned, int>> attached_ GUARDED_BY(mutex_);
};

class KvmIoEvents final : public IoEvents {
  public:
    explicit KvmIoEvents(Vm& vm) : vm_(vm) {}
    Status attach(const IoEventAddress& address, int event_fd) override;
    void detach(const IoEventAddress& address, int event_fd) override;
    Status renew();

  private:
    Vm& vm_;
    Mutex mutex_{LockRank::Leaf, "ioeventfds"};
    std::vector<std::pair<IoEventAddress, int>> attached_ GUARDED_BY(mutex_);
};

}  // namespace vmm::kvm
