// IdleVcpus: vCPUs that exist and never run: those of a machine whose guest is a test client, and of the
// machine "none". Work for one of them runs at once. Main thread, but kick(). Header only.
#pragma once

#include <set>

#include "system/run/vcpus.h"
#include "util/check.h"
#include "util/mutex.h"

namespace vmm {

class IdleVcpus final : public Vcpus {
  public:
    void add(VcpuId vcpu) { CHECK(present_.insert(vcpu).second, "vCPU %u is there already", vcpu.raw()); }
    void remove(VcpuId vcpu) { CHECK(present_.erase(vcpu) == 1, "there is no vCPU %u", vcpu.raw()); }
    unsigned count() const override { return static_cast<unsigned>(present_.size()); }
    std::vector<VcpuId> present() const override { return {present_.begin(), present_.end()}; }
    void kick(VcpuId) override {}
    void pause_all() override { check_no_locks_held("waiting for the vCPUs to pause"); }
    void resume_all() override {}
    void run_on(VcpuId vcpu, const std::function<void()>& work) override {
        CHECK(present_.contains(vcpu), "there is no vCPU %u", vcpu.raw());
        work();
    }

  private:
    std::set<VcpuId> present_;
};

}  // namespace vmm
