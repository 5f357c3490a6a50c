// KvmAttributes: the accelerator's side of conversions. One call sets one contiguous range; the map is
// VM-wide and independent of the memory slots, so it survives their re-creation and is never set from the
// slot code. The kernel has no way to read it back: the conversion engine (system/memory) keeps the truth.
// Thread-safe; the kernel serialises the calls.
#pragma once

#include <functional>

#include "accel/kvm/vm.h"
#include "system/memory/attribute_sink.h"

namespace vmm::kvm {

class KvmAttributes final : public AttributeSink {
  public:
    // Gives the descriptor of the vCPU that the calling thread runs, or -1: pre-faulting is a vCPU's own
    // call.
    using CurrentVcpu = std::function<int()>;

    // The VM is borrowed and outlives this.
    explicit KvmAttributes(Vm& vm) : vm_(vm) {}
    void set_current_vcpu(CurrentVcpu current) { current_vcpu_ = std::move(current); }

    Status set_visibility(GpaRange range, Visibility visibility) override;
    bool has_private_memory() const override { return vm_.has_private_memory(); }
    // Does nothing off a vCPU thread, on kernels without KVM_PRE_FAULT_MEMORY and on errors: the guest's own
    // touch will fault the page in.
    void prefault(GpaRange range) override;

  private:
    Vm& vm_;
    CurrentVcpu current_vcpu_;
};

}  // namespace vmm::kvm
