// What others may ask of the virtual CPUs. Implemented by the accelerator. kick may be called with locks
// held; the calls that wait CHECK that none is held.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "system/run/statistic.h"
#include "util/result.h"
#include "util/strong.h"

namespace vmm {

struct VcpuIdTag;
using VcpuId = Strong<VcpuIdTag, uint32_t>;  // the vCPU's place among those possible, not its APIC id

class Vcpus {
  public:
    virtual ~Vcpus() = default;
    // How many there are, and which; lowest first. Main thread.
    virtual unsigned count() const = 0;
    virtual std::vector<VcpuId> present() const = 0;
    bool has(VcpuId vcpu) const {
        const std::vector<VcpuId> all = present();
        return std::find(all.begin(), all.end(), vcpu) != all.end();
    }
    // Makes the vCPU leave guest mode and look at what changed (pending interrupts, stop requests). Any
    // thread.
    virtual void kick(VcpuId vcpu) = 0;
    // Waits until no vCPU runs guest code / lets them run again. Main thread.
    virtual void pause_all() = 0;
    virtual void resume_all() = 0;
    // Runs the work on the vCPU's own thread and waits for it. Main thread.
    virtual void run_on(VcpuId vcpu, const std::function<void()>& work) = 0;
    // Its registers for people, and where a linear address lies in guest-physical memory. Both wait for the
    // vCPU to leave guest mode. Main thread.
    virtual Result<std::string> registers(VcpuId vcpu) {
        return Error::make("processor %u has no registers to look at", vcpu.raw());
    }
    virtual Result<uint64_t> translate(VcpuId vcpu, uint64_t linear) {
        (void)linear;
        return Error::make("processor %u has no page tables to look at", vcpu.raw());
    }
    // A non-maskable interrupt. Main thread.
    virtual Status inject_nmi(VcpuId vcpu) {
        return Error::make("processor %u takes no interrupts from here", vcpu.raw());
    }
    // One for each of them.
    Status inject_nmis() {
        for (VcpuId vcpu : present())
            TRY(inject_nmi(vcpu));
        return {};
    }
    // What is counted of a vCPU, and of the machine as a whole; nothing where nobody counts. Main thread.
    virtual Result<std::vector<Statistic>> statistics(VcpuId vcpu) {
        (void)vcpu;
        return std::vector<Statistic>();
    }
    virtual Result<std::vector<Statistic>> machine_statistics() { return std::vector<Statistic>(); }
};

}  // namespace vmm
