// Putting the parts of KVM together; see accelerator.h.
#include "accel/kvm/accelerator.h"

namespace vmm::kvm {

Accelerator::Accelerator(Vm& vm, IrqChipMode mode)
    : vm_(vm),
      mode_(mode == IrqChipMode::Kernel ? IrqChipMode::Kernel : IrqChipMode::Split),
      attributes_(vm),
      slots_(vm),
      listener_(slots_),
      msi_(vm),
      pins_(vm),
      routes_(vm, mode_),
      irq_fds_(vm),
      io_events_(vm) {
    attributes_.set_current_vcpu([this] { return vcpus_.current_fd(); });
    slots_.set_gate(&vcpus_);
}

Accelerator::~Accelerator() {
    unmap_memory();
}

Status Accelerator::map_memory(AddressSpace& memory) {
    CHECK(mapped_ == nullptr, "the memory is mapped already");
    memory.add_listener(listener_);
    mapped_ = &memory;
    return listener_.take_error();
}

// The kernel drops the slots with the VM: nothing is taken back one by one.
void Accelerator::unmap_memory() {
    if (mapped_ == nullptr) return;
    mapped_->remove_listener(listener_, AddressSpace::Farewell::Silent);
    mapped_ = nullptr;
}

Status Accelerator::create_irqchip() {
    TRY(kvm::create_irqchip(vm_, mode_));
    return routes_.try_commit();
}

Status Accelerator::add_vcpu(uint32_t kernel_id, std::unique_ptr<VcpuArch> arch, const GuestWorld& world) {
    // Whatever the map still lacked was asked for by now; from here on failures concern a running machine.
    TRY(listener_.take_error());
    listener_.set_requests(&world.requests);
    std::unique_ptr<Vcpu> vcpu = TRY(Vcpu::create(vm_, VcpuId(vcpus_.count()), kernel_id, std::move(arch)));
    return vcpus_.add(std::move(vcpu), world);
}

Status Accelerator::reset_vcpus() {
    for (uint32_t i = 0; i < vcpus_.count(); i++) {
        Vcpu& vcpu = vcpus_.vcpu(VcpuId(i));
        Status done = vcpu.arch().reset(vcpu);
        if (!done) return std::move(done).take_error().while_doing("vCPU %u", i);
    }
    return {};
}

}  // namespace vmm::kvm
