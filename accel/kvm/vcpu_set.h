// VcpuSet: the machine's vCPUs with their threads: pause, resume, kick, run work on one; and the gate that
// the memory map closes. Vcpus come and go on the main thread while the others run. Waiting calls check that
// the caller holds no lock; the gate is the one exception and says why (guest_gate.h).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "accel/kvm/guest_gate.h"
#include "accel/kvm/vcpu_thread.h"

namespace vmm::kvm {

class VcpuSet final : public Vcpus, public GuestGate {
  public:
    VcpuSet() = default;
    ~VcpuSet() override;

    // Takes the vCPU, or leaves it on failure: it gets a thread, which runs if the others do. Main thread.
    Status add(std::unique_ptr<Vcpu>& vcpu, const GuestWorld& world);
    // Ends its thread and gives the vCPU back. Main thread.
    std::unique_ptr<Vcpu> remove(VcpuId id);
    // For a new VM: see Vcpu. Main thread, all paused.
    Status let_go();
    Vcpu& vcpu(VcpuId id) { return threads_.at(id)->vcpu(); }
    // The descriptor of the vCPU whose thread this is, or -1.
    int current_fd();

    unsigned count() const override { return static_cast<unsigned>(threads_.size()); }
    std::vector<VcpuId> present() const override;
    // Does nothing to a vCPU that is not there.
    void kick(VcpuId vcpu) override;
    void pause_all() override;
    void resume_all() override;
    void run_on(VcpuId vcpu, const std::function<void()>& work) override;
    Result<std::string> registers(VcpuId vcpu) override;
    Result<uint64_t> translate(VcpuId vcpu, uint64_t linear) override;
    Status inject_nmi(VcpuId vcpu) override;
    Result<std::vector<Statistic>> statistics(VcpuId vcpu) override;
    Result<std::vector<Statistic>> machine_statistics() override;

    void close() override;
    void open() override;

  private:
    VcpuSync sync_;
    // Changed on the main thread with sync_.mutex held: read on it, or with the mutex.
    std::map<VcpuId, std::unique_ptr<VcpuThread>> threads_;
    bool running_ = false;  // main thread: what was asked of all of them last
};

}  // namespace vmm::kvm
