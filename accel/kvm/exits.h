// ExitDispatcher: serves what KVM_RUN returned with, for one vCPU. Port and memory accesses go to the address
// spaces through the vCPU's own lookups; requests to the machine go to MachineRequests; what only the
// architecture knows goes to VcpuArch. Runs on the vCPU's thread and holds no lock.
#pragma once

#include "accel/accelerator.h"
#include "accel/kvm/exit_memory_fault.h"
#include "accel/kvm/vcpu.h"
#include "system/irq/routes.h"
#include "system/memory/address_space.h"
#include "system/run/requests.h"

namespace vmm::kvm {

class ExitDispatcher {
  public:
    ExitDispatcher(Vcpu& vcpu, const GuestWorld& world)
        : vcpu_(vcpu), world_(world), memory_(world.memory), ports_(world.ports) {}

    // `returned` is 0 or -errno, as Vcpu::run() gave it.
    ExitAction handle(int returned);

  private:
    ExitAction handle_exit(uint32_t reason);
    ExitAction handle_error(int number);
    void port_access(kvm_run& run);
    void port_element(kvm_run& run, uint8_t* data);
    void memory_access(kvm_run& run);
    ExitAction system_event(const kvm_run& run);
    ExitAction triple_fault();
    ExitAction report(const std::string& what);

    Vcpu& vcpu_;
    GuestWorld world_;
    AddressSpace::Lookup memory_;
    AddressSpace::Lookup ports_;
    FaultGuard fault_guard_;
};

// What KVM says when it could not go on, as text; apart for its tests.
std::string describe_internal_error(const kvm_run& run);
std::string describe_failed_entry(const kvm_run& run);

}  // namespace vmm::kvm
