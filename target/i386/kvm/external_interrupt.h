// ExternalInterrupt: the wire from a user-space 8259's INTR output to the boot processor. The PIC drives the
// pin; the vCPU acknowledges and injects before it enters the guest, or asks KVM to come back when the guest
// can take it. The pin may be set from any thread; before_run() is the boot processor's own.
#pragma once

#include <atomic>

#include "accel/kvm/vcpu.h"
#include "system/irq/line.h"
#include "system/irq/routes.h"

namespace vmm::kvm {

class ExternalInterrupt final : public IrqInput {
  public:
    // Both are borrowed for the machine's life; before this the pin does nothing.
    void connect(ExternalInterrupts& pic, Vcpus& vcpus);
    void set_pin(unsigned pin, bool level) override;

    void before_run(Vcpu& vcpu) {
        if (level_.load(std::memory_order_acquire)) [[unlikely]]
            inject(vcpu);
        else
            vcpu.page().request_interrupt_window = 0;
    }

  private:
    void inject(Vcpu& vcpu);

    std::atomic<bool> level_{false};
    ExternalInterrupts* pic_ = nullptr;
    Vcpus* vcpus_ = nullptr;
};

}  // namespace vmm::kvm
