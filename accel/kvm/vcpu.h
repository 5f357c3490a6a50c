// Vcpu: one vCPU descriptor, its shared page and its architecture. No thread and no loop: see vcpu_thread.h.
// Used on its own thread, or on the main thread while it is paused; kick-related members say otherwise.
#pragma once

#include <atomic>
#include <memory>

#include "accel/kvm/stats.h"
#include "accel/kvm/vcpu_arch.h"
#include "accel/kvm/vm.h"
#include "system/run/vcpus.h"
#include "util/mmap.h"

namespace vmm::kvm {

class Vcpu {
  public:
    // kernel_id: what KVM_CREATE_VCPU takes, on x86 the APIC id. The VM is borrowed and outlives the vCPU.
    // The kernel makes a vCPU of an id once and never takes it back: `descriptor` keeps what it made when the
    // rest failed, and is where another attempt finds it.
    static Result<std::unique_ptr<Vcpu>> create(Vm& vm, VcpuId index, uint32_t kernel_id,
                                                std::unique_ptr<VcpuArch> arch, Fd& descriptor);
    // The pieces, unchecked: use create().
    Vcpu(Vm& vm, VcpuId index, uint32_t kernel_id, Fd fd, MappedRegion page, std::unique_ptr<VcpuArch> arch)
        : vm_(vm),
          door_(vm.door()),
          index_(index),
          kernel_id_(kernel_id),
          fd_(std::move(fd)),
          page_(std::move(page)),
          arch_(std::move(arch)) {}

    // For a new VM: closes the descriptor, then makes another with the same architecture and id. The page
    // stays where it is throughout, so that a kick is always harmless. Main thread, vCPU paused.
    Status let_go();
    Status renew();

    Vm& vm() { return vm_; }
    VcpuId index() const { return index_; }
    uint32_t kernel_id() const { return kernel_id_; }
    int fd() const { return fd_.get(); }
    VcpuArch& arch() { return *arch_; }
    StatsFile& stats() { return stats_; }
    kvm_run& page() { return *static_cast<kvm_run*>(static_cast<void*>(page_.data())); }
    // Where the data of a port exit lies.
    uint8_t* page_at(uint64_t offset) { return page_.data() + offset; }
    size_t page_size() const { return page_.size(); }

    template <unsigned long Request, typename... Argument>
    Result<int> ioctl(Argument&&... argument) {
        return ioctl_call<Request>(door_, fd(), std::forward<Argument>(argument)...);
    }
    // KVM_RUN as it is: 0 or -errno, interrupted calls not repeated.
    int run() { return door_.pass(fd_.get(), KVM_RUN, nullptr); }

    // The kernel returns from KVM_RUN at once while set. Any thread.
    void set_immediate_exit(bool on) {
        std::atomic_ref(page().immediate_exit).store(on ? 1 : 0, std::memory_order_seq_cst);
    }
    bool immediate_exit() {
        return std::atomic_ref(page().immediate_exit).load(std::memory_order_relaxed) != 0;
    }

  private:
    Vm& vm_;
    IoctlDoor& door_;
    const VcpuId index_;
    const uint32_t kernel_id_;
    Fd fd_;
    MappedRegion page_;
    std::unique_ptr<VcpuArch> arch_;
    StatsFile stats_;
};

}  // namespace vmm::kvm
