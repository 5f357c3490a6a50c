// Opening the first accelerator that works; see accelerator_host.h.
#include "system/control/startup/accelerator_host.h"

#include "target/i386/kvm/host_cpu.h"
#include "target/i386/kvm/x86_accelerator.h"
#include "target/i386/qtest/x86_accelerator.h"
#include "util/log.h"

namespace vmm {

Status AcceleratorHost::open_kvm(const AccelConfig& config, const VmRequirements* needs) {
    std::unique_ptr<kvm::Kvm> kvm = TRY(kvm::Kvm::open(kernel_.door, config.device));
    if (needs != nullptr) {
        vm_ = TRY(kvm::Vm::create(*kvm, *needs));
        irqchip_ = needs->irqchip;
    }
    kvm_ = std::move(kvm);
    return {};
}

Result<std::unique_ptr<AcceleratorHost>> AcceleratorHost::open(const HostKernel& kernel,
                                                               std::span<const AccelConfig> wanted,
                                                               const VmRequirements* needs) {
    auto host = std::make_unique<AcceleratorHost>(Token{}, kernel);
    for (size_t i = 0; i < wanted.size(); ++i) {
        const AccelConfig& config = wanted[i];
        host->kind_ = config.kind;
        Status opened;
        if (config.kind == AccelKind::Kvm) {
            opened = host->open_kvm(config, needs);
        } else if (config.kind == AccelKind::Absent) {
            opened = Error::make("-accel %s is not available", config.name.c_str())
                         .with_hint("guests run on KVM only");
        }
        if (opened) return host;
        if (i + 1 == wanted.size()) return std::move(opened).take_error();
        log_warning("%s; trying %s", opened.error().message().c_str(), wanted[i + 1].name.c_str());
    }
    return Error::make("no accelerator was named");
}

Result<HostCpu> AcceleratorHost::host_cpu() {
    if (kind_ != AccelKind::Kvm) return HostCpu{.anything = true};
    if (vm_ != nullptr) return kvm::read_host_cpu(*vm_, HostIdentity::Whole, false);
    // What KVM offers is asked of a VM, which need not be anything.
    std::unique_ptr<kvm::Vm> vm = TRY(kvm::Vm::create(*kvm_, VmRequirements()));
    return kvm::read_host_cpu(*vm, HostIdentity::Whole, false);
}

std::unique_ptr<X86Accelerator> AcceleratorHost::make_x86(EventLoop& loop) {
    if (kind_ == AccelKind::Kvm) return std::make_unique<kvm::X86Accelerator>(*vm_, irqchip_, kernel_.cpus);
    auto made = std::make_unique<qtest::X86Accelerator>(loop);
    io_events_ = &made->accelerator().io_events();
    return made;
}

}  // namespace vmm
