// Descriptors that stand for interrupts (KVM_IRQFD) and for guest writes (KVM_IOEVENTFD). Both are bookkept
// by the kernel alone; detaching what is not attached is a mistake of ours. Thread-safe.
#pragma once

#include "accel/kvm/vm.h"
#include "system/irq/routes.h"

namespace vmm::kvm {

class KvmIrqFds final : public IrqFds {
  public:
    explicit KvmIrqFds(Vm& vm) : vm_(vm) {}
    Status attach(unsigned gsi, int event_fd) override;
    void detach(unsigned gsi, int event_fd) override;

  private:
    Vm& vm_;
};

class KvmIoEvents final : public IoEvents {
  public:
    explicit KvmIoEvents(Vm& vm) : vm_(vm) {}
    Status attach(const IoEventAddress& address, int event_fd) override;
    void detach(const IoEventAddress& address, int event_fd) override;

  private:
    Vm& vm_;
};

}  // namespace vmm::kvm
