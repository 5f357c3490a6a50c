// Putting the parts of KVM together; see accelerator.h.
#include "accel/kvm/accelerator.h"

#include "util/log.h"

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

void Accelerator::forbid_readonly_slots() {
    CHECK(mapped_ == nullptr, "the memory is mapped already");
    listener_.set_readonly_slots(ReadOnlySlots::Forbidden);
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

Status Accelerator::let_go() {
    TRY(vcpus_.let_go());
    parked_.clear();  // a new VM makes new ones
    half_made_.clear();
    vm_.let_go();
    return {};
}

Status Accelerator::renew_memory() {
    CHECK(mapped_ != nullptr, "the memory was never mapped");
    return listener_.renew(*mapped_->view());
}

Status Accelerator::renew_chips() {
    TRY(kvm::create_irqchip(vm_, mode_));
    TRY(routes_.renew());
    TRY(irq_fds_.renew());
    return io_events_.renew();
}

Status Accelerator::add_vcpu(VcpuId index, uint32_t kernel_id, std::unique_ptr<VcpuArch> arch,
                             const GuestWorld& world) {
    // Whatever the map still lacked was asked for by now; from here on failures concern a running machine.
    TRY(listener_.take_error());
    listener_.set_requests(&world.requests);
    Fd descriptor;  // lost when this fails, as the whole machine is then
    std::unique_ptr<Vcpu> vcpu = TRY(Vcpu::create(vm_, index, kernel_id, std::move(arch), descriptor));
    return vcpus_.add(vcpu, world);
}

Status Accelerator::plug_vcpu(VcpuId index, uint32_t kernel_id, std::unique_ptr<VcpuArch> arch,
                              const GuestWorld& world) {
    std::unique_ptr<Vcpu> vcpu;
    if (auto kept = parked_.extract(kernel_id)) {
        vcpu = std::move(kept.mapped());
    } else {
        vcpu = TRY(Vcpu::create(vm_, index, kernel_id, std::move(arch), half_made_[kernel_id]));
        half_made_.erase(kernel_id);
    }
    // A first reset loads next to nothing, but the kernel's map of local APICs, by which interrupts find
    // them, is from before this one was there: only a state that is loaded whole makes it anew.
    Status done = vcpu->arch().reset(*vcpu);
    if (done) done = vcpu->arch().reset(*vcpu);
    if (done) done = vcpus_.add(vcpu, world);
    if (done) return {};
    parked_.emplace(kernel_id, std::move(vcpu));
    return std::move(done).take_error().while_doing("vCPU %u", index.raw());
}

// Its local APIC is off and its state is gone: nothing that others send reaches it any more.
void Accelerator::unplug_vcpu(VcpuId index) {
    std::unique_ptr<Vcpu> vcpu = vcpus_.remove(index);
    Status reset = vcpu->arch().reset(*vcpu);
    if (!reset) log_warning("vCPU %u: %s", index.raw(), reset.error().message().c_str());
    const uint32_t kernel_id = vcpu->kernel_id();
    parked_.emplace(kernel_id, std::move(vcpu));
}

Status Accelerator::reset_vcpus() {
    for (VcpuId id : vcpus_.present()) {
        Vcpu& vcpu = vcpus_.vcpu(id);
        Status done = vcpu.arch().reset(vcpu);
        if (!done) return std::move(done).take_error().while_doing("vCPU %u", id.raw());
    }
    return {};
}

}  // namespace vmm::kvm
