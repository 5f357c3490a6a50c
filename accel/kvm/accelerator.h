// Accelerator: everything KVM gives one machine besides the VM itself, put together in the one order that is
// cheap: VM, memory map, interrupt chips, vCPUs (a slot that is added after the chips costs milliseconds).
// The board owns this; devices see only the interfaces it hands out. Built and torn down on the main thread.
//
//     kvm::Accelerator accelerator(vm, needs.irqchip);
//     ... RAM is allocated, the board maps it ...
//     TRY(accelerator.map_memory(memory));
//     TRY(accelerator.create_irqchip());
//     TRY(accelerator.add_vcpu(apic_id, std::move(arch), world));   // per vCPU
//     ... at each reset, vCPUs paused: accelerator.reset_vcpus()
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "accel/accelerator.h"
#include "accel/kvm/attributes.h"
#include "accel/kvm/irq_fds.h"
#include "accel/kvm/irq_routes.h"
#include "accel/kvm/irqchip.h"
#include "accel/kvm/memory_listener.h"
#include "accel/kvm/vcpu_set.h"

namespace vmm::kvm {

class Accelerator final : public vmm::Accelerator {
  public:
    // The VM is borrowed and outlives this. IrqChipMode::User is treated as Split: the local APICs are always
    // the kernel's.
    Accelerator(Vm& vm, IrqChipMode mode);
    ~Accelerator() override;
    Accelerator(const Accelerator&) = delete;
    Accelerator& operator=(const Accelerator&) = delete;

    // The kernel refuses read-only slots for this VM: before map_memory().
    void forbid_readonly_slots();
    // Makes slots of the space's RAM and follows its changes.
    Status map_memory(AddressSpace& memory) override;
    void unmap_memory() override;
    Status attempt(const std::function<void()>& change) override { return listener_.attempt(change); }
    Status create_irqchip() override;
    // The vCPU starts paused, in its architecture's reset state once that was loaded (reset_vcpus()).
    Status add_vcpu(VcpuId index, uint32_t kernel_id, std::unique_ptr<VcpuArch> arch,
                    const GuestWorld& world);
    // The next index.
    Status add_vcpu(uint32_t kernel_id, std::unique_ptr<VcpuArch> arch, const GuestWorld& world) {
        return add_vcpu(VcpuId(vcpus_.count()), kernel_id, std::move(arch), world);
    }
    // While the others run: the vCPU is reset and runs as they do. The kernel never gives a vCPU back, so one
    // that was unplugged is kept and used again.
    Status plug_vcpu(VcpuId index, uint32_t kernel_id, std::unique_ptr<VcpuArch> arch,
                     const GuestWorld& world);
    void unplug_vcpu(VcpuId index);
    Status reset_vcpus() override;

    // For a reset that takes a new VM, with all vCPUs paused: let_go() closes everything; then the caller
    // sees to Vm::renew() and what an architecture tells a new VM; renew_memory(), renew_chips(), and the
    // caller renews each vCPU.
    Status let_go();
    Status renew_memory();
    Status renew_chips();

    Vm& vm() { return vm_; }
    IrqChipMode irqchip_mode() const override { return mode_; }
    GmemFactory& gmem_factory() { return vm_; }
    AttributeSink& attributes() override { return attributes_; }
    VcpuSet& vcpus() override { return vcpus_; }
    MsiSink& msi() override { return msi_; }
    GsiRoutes& routes() override { return routes_; }
    IrqFds& irq_fds() override { return irq_fds_; }
    IoEvents& io_events() override { return io_events_; }
    IrqInput& kernel_pins() override { return pins_; }

  private:
    Vm& vm_;
    const IrqChipMode mode_;
    KvmAttributes attributes_;
    SlotTable slots_;
    SlotListener listener_;
    AddressSpace* mapped_ = nullptr;
    KvmMsi msi_;
    KernelPins pins_;
    IrqRoutes routes_;
    KvmIrqFds irq_fds_;
    KvmIoEvents io_events_;
    std::map<uint32_t, std::unique_ptr<Vcpu>> parked_;  // by kernel id: unplugged
    std::map<uint32_t, Fd> half_made_;                  // by kernel id: what the kernel made in vain
    VcpuSet vcpus_;                                     // last: the threads end first
};

}  // namespace vmm::kvm
