// Injecting the PIC's interrupts; see external_interrupt.h.
#include "target/i386/kvm/external_interrupt.h"

#include "util/log.h"

namespace vmm::kvm {

void ExternalInterrupt::connect(ExternalInterrupts& pic, Vcpus& vcpus) {
    pic_ = &pic;
    vcpus_ = &vcpus;
}

void ExternalInterrupt::set_pin(unsigned, bool level) {
    bool before = level_.exchange(level, std::memory_order_seq_cst);
    if (level && !before && vcpus_ != nullptr && vcpus_->count() != 0) vcpus_->kick(VcpuId(0));
}

void ExternalInterrupt::inject(Vcpu& vcpu) {
    kvm_run& run = vcpu.page();
    if (pic_ == nullptr) {
        run.request_interrupt_window = 0;
        return;
    }
    if (run.ready_for_interrupt_injection != 0 && pic_->pending()) {
        kvm_interrupt argument{};
        argument.irq = pic_->acknowledge();
        Result<int> got = vcpu.ioctl<KVM_INTERRUPT>(argument);
        if (!got) log_error("interrupt %u was lost: %s", argument.irq, got.error().text().c_str());
        run.ready_for_interrupt_injection = 0;  // until the kernel says so again
    }
    run.request_interrupt_window = level_.load(std::memory_order_acquire) ? 1 : 0;
}

}  // namespace vmm::kvm
