// AcceleratorHost: the accelerator that the command line chose, opened: of those named, the first that works
// and the VM made of it. Outlives the board and the guest_memfds. Main thread.
#pragma once

#include <memory>
#include <span>

#include "accel/kvm/kvm.h"
#include "accel/kvm/vm.h"
#include "system/control/configuration.h"
#include "target/i386/cpu/policy.h"
#include "target/i386/kvm/x86_accelerator.h"
#include "util/event_loop.h"

namespace vmm {

class SoftIoEvents;
class X86Accelerator;

class AcceleratorHost {
    struct Token {};

  public:
    explicit AcceleratorHost(Token) {}
    // Tries them in order; says on stderr why one was passed over. needs: null when there will be no VM.
    static Result<std::unique_ptr<AcceleratorHost>> open(std::span<const AccelConfig> wanted,
                                                         const VmRequirements* needs);
    // KVM behind this door, whatever the command line chose: a model of it, or one that looks on. `wish`:
    // CPUs are what -cpu says. The door outlives the host.
    static Result<std::unique_ptr<AcceleratorHost>> open_through(IoctlDoor& door, const AccelConfig& config,
                                                                 const VmRequirements& needs,
                                                                 kvm::CpuSource cpus);

    AccelKind kind() const { return kind_; }
    // What makes guest_memfds; null where there are none.
    GmemFactory* gmem_factory() { return vm_.get(); }
    // Null without KVM.
    kvm::Vm* vm() { return vm_.get(); }
    // What the host's processors offer; works without a VM, too.
    Result<HostCpu> host_cpu();
    // For the board. The loop outlives it.
    std::unique_ptr<X86Accelerator> make_x86(EventLoop& loop);
    // Once make_x86() was called: the software's write events, null where the kernel has them.
    SoftIoEvents* io_events() { return io_events_; }

  private:
    Status open_kvm(const AccelConfig& config, const VmRequirements* needs);

    AccelKind kind_ = AccelKind::Kvm;
    IrqChipMode irqchip_ = IrqChipMode::Kernel;
    SystemIoctlDoor system_door_;
    IoctlDoor* door_ = &system_door_;
    kvm::CpuSource cpus_ = kvm::CpuSource::Host;
    std::unique_ptr<kvm::Kvm> kvm_;
    std::unique_ptr<kvm::Vm> vm_;
    SoftIoEvents* io_events_ = nullptr;
};

}  // namespace vmm
