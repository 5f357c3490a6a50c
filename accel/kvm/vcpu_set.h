// VcpuSet: the machine's vCPUs with their threads: pause, resume, kick, run work on one; and the gate that
// the memory map closes. Vcpus are added on the main thread while none runs. Waiting calls check that the
// caller holds no lock; the gate is the one exception and says why (guest_gate.h).
#pragma once

#include <vector>

#include "accel/kvm/guest_gate.h"
#include "accel/kvm/vcpu_thread.h"

namespace vmm::kvm {

class VcpuSet final : public Vcpus, public GuestGate {
  public:
    VcpuSet() = default;
    ~VcpuSet() override;

    // The vCPU gets the next index and a paused thread. Main thread.
    Status add(std::unique_ptr<Vcpu> vcpu, const GuestWorld& world);
    Vcpu& vcpu(VcpuId id) { return threads_.at(id.raw())->vcpu(); }
    // The descriptor of the vCPU whose thread this is, or -1.
    int current_fd() const;

    unsigned count() const override { return static_cast<unsigned>(threads_.size()); }
    void kick(VcpuId vcpu) override { threads_.at(vcpu.raw())->kick(); }
    void pause_all() override;
    void resume_all() override;
    void run_on(VcpuId vcpu, const std::function<void()>& work) override;
    Status inject_nmi(VcpuId vcpu) override;

    void close() override;
    void open() override;

  private:
    VcpuSync sync_;
    std::vector<std::unique_ptr<VcpuThread>> threads_;
};

}  // namespace vmm::kvm
