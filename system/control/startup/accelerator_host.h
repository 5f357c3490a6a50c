// AcceleratorHost: the accelerator that the command line chose, opened: of those named, the first that works
// and the VM made of it. Outlives the board and the guest_memfds. Main thread.
#pragma once

#include <memory>
#include <span>

#include "accel/kvm/kvm.h"
#include "accel/kvm/vm.h"
#include "system/control/configuration.h"
#include "system/control/startup/host_kernel.h"
#include "target/i386/cpu/policy.h"
#include "util/event_loop.h"

namespace vmm {

class SoftIoEvents;
class X86Accelerator;

class AcceleratorHost {
    struct Token {};

  public:
    AcceleratorHost(Token, const HostKernel& kernel) : kernel_(kernel) {}
    // Tries them in order; says on stderr why one was passed over. The kernel's door outlives the host.
    // needs: null when there will be no VM.
    static Result<std::unique_ptr<AcceleratorHost>> open(const HostKernel& kernel,
                                                         std::span<const AccelConfig> wanted,
                                                         const VmRequirements* needs);

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
    const HostKernel kernel_;
    std::unique_ptr<kvm::Kvm> kvm_;
    std::unique_ptr<kvm::Vm> vm_;
    SoftIoEvents* io_events_ = nullptr;
};

}  // namespace vmm
