// IdleVcpus: vCPUs that exist and never run: those of a machine whose guest is a test client, and of the
// machine "none". Work for one of them runs at once. Main thread, but kick(). Header only.
#pragma once

#include "system/run/vcpus.h"
#include "util/check.h"
#include "util/mutex.h"

namespace vmm {

class IdleVcpus final : public Vcpus {
  public:
    VcpuId add() { return VcpuId(count_++); }
    unsigned count() const override { return count_; }
    void kick(VcpuId) override {}
    void pause_all() override { check_no_locks_held("waiting for the vCPUs to pause"); }
    void resume_all() override {}
    void run_on(VcpuId vcpu, const std::function<void()>& work) override {
        CHECK(vcpu.raw() < count_, "there is no vCPU %u", vcpu.raw());
        work();
    }

  private:
    unsigned count_ = 0;
};

}  // namespace vmm
