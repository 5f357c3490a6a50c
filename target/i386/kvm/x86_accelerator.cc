// The x86 parts of KVM put together; see x86_accelerator.h.
#include "target/i386/kvm/x86_accelerator.h"

#include "target/i386/confidential/guest.h"
#include "target/i386/kvm/arch.h"
#include "target/i386/kvm/core_state.h"
#include "target/i386/kvm/host_cpu.h"
#include "target/i386/kvm/vm_setup.h"
#include "util/log.h"

namespace vmm::kvm {

Status X86Accelerator::prepare(const X86VmOptions& options) {
    confidential_ = options.confidential;
    options_ = options;
    if (confidential_ != nullptr && confidential_->requirements().forbids_readonly_memory)
        accelerator_.forbid_readonly_slots();
    return prepare_vm(vm_, options);
}

Result<HostCpu> X86Accelerator::host_cpu(HostIdentity identity, bool hypercalls_answered) {
    if (cpus_ == CpuSource::Host) return read_host_cpu(vm_, identity, hypercalls_answered);
    HostCpu host = planned_cpu(identity);
    host.map_gpa_range = hypercalls_answered;
    return host;
}

void X86Accelerator::connect_pic(ExternalInterrupts& pic) {
    external_interrupt_.connect(pic, accelerator_.vcpus());
}

std::unique_ptr<Resettable> X86Accelerator::kernel_chips(bool has_pit) {
    return std::make_unique<KernelChips>(vm_, has_pit);
}

Status X86Accelerator::create_kernel_pit(LostTicks lost_ticks) {
    pit_ = lost_ticks;
    return kvm::create_kernel_pit(vm_, lost_ticks);
}

Status X86Accelerator::set_kernel_pit_replaced(bool replaced) {
    return kvm::set_kernel_pit_replaced(vm_, replaced);
}

std::unique_ptr<VcpuArch> X86Accelerator::arch_for(X86CpuSetup setup) {
    const bool takes_pic = setup.boot_processor && accelerator_.irqchip_mode() != IrqChipMode::Kernel;
    X86Arch::Config arch{.cpuid = std::move(setup.cpuid),
                         .feature_msrs = std::move(setup.feature_msrs),
                         .apic_id = setup.apic_id,
                         .boot_processor = setup.boot_processor,
                         .boot = setup.boot,
                         .external_interrupt = takes_pic ? &external_interrupt_ : nullptr,
                         .confidential = confidential_};
    return std::make_unique<X86Arch>(std::move(arch));
}

Status X86Accelerator::add_cpu(X86CpuSetup setup, const GuestWorld& world) {
    const VcpuId index(setup.index);
    const uint32_t apic_id = setup.apic_id;
    VcpuSet& vcpus = accelerator_.vcpus();
    if (confidential_ != nullptr && vcpus.count() == 0) {
        first_cpuid_ = setup.cpuid;
        confidential_->progress().enter(LaunchState::Processors);
        TRY(confidential_->before_vcpus(vm_, setup.cpuid));
    }
    TRY(accelerator_.add_vcpu(index, apic_id, arch_for(std::move(setup)), world));
    if (confidential_ == nullptr) return {};
    TRY(confidential_->add_vcpu(vcpus.vcpu(index)));
    confidential_->progress().processor_added();
    return {};
}

Status X86Accelerator::plug_cpu(X86CpuSetup setup, const GuestWorld& world) {
    if (confidential_ != nullptr && confidential_->requirements().launched)
        return Error::make("%s has its processors measured: none comes later", confidential_->id().c_str());
    const VcpuId index(setup.index);
    const uint32_t apic_id = setup.apic_id;
    return accelerator_.plug_vcpu(index, apic_id, arch_for(std::move(setup)), world);
}

void X86Accelerator::unplug_cpu(unsigned index) {
    accelerator_.unplug_vcpu(VcpuId(index));
}

Result<X86Registers> X86Accelerator::registers(VcpuId id) {
    if (confidential_ != nullptr && confidential_->requirements().cpu_state != CpuState::Open)
        return Error::make("the registers of a processor of %s are the guest's own",
                           confidential_->id().c_str());
    Result<X86Registers> read = X86Registers();
    VcpuSet& vcpus = accelerator_.vcpus();
    vcpus.run_on(id, [&] { read = read_registers(vcpus.vcpu(id)); });
    return read;
}

Result<std::string> X86Accelerator::local_apic(VcpuId id) {
    if (confidential_ != nullptr && confidential_->requirements().cpu_state != CpuState::Open)
        return Error::make("the local APIC of a processor of %s is the guest's own",
                           confidential_->id().c_str());
    kvm_lapic_state state{};
    Status done;
    VcpuSet& vcpus = accelerator_.vcpus();
    vcpus.run_on(id, [&] {
        Result<int> called = vcpus.vcpu(id).ioctl<KVM_GET_LAPIC>(state);
        if (!called) done = std::move(called).take_error();
    });
    TRY(std::move(done));
    static_assert(sizeof state.regs == 1024);
    return local_apic_text(std::span<const uint8_t, 1024>(
        static_cast<const uint8_t*>(static_cast<const void*>(state.regs)), 1024));
}

Result<std::string> X86Accelerator::kernel_chips_text() {
    const PicState master = TRY(kvm::read_pic(vm_, 0)), slave = TRY(kvm::read_pic(vm_, 1));
    return pics_text(master, slave) + ioapic_text(TRY(kvm::read_ioapic(vm_)));
}

// The order of a start, for the same reasons.
Status X86Accelerator::rebuild() {
    TRY(accelerator_.let_go());
    Status done = [this]() -> Status {
        TRY(vm_.renew());
        if (confidential_ != nullptr) TRY(start_launch(*confidential_, vm_));
        TRY(prepare_vm(vm_, options_));
        TRY(accelerator_.renew_memory());
        TRY(accelerator_.renew_chips());
        if (pit_) TRY(kvm::create_kernel_pit(vm_, *pit_));
        return rebuild_vcpus();
    }();
    if (done) return {};
    // Half a VM is of no use: whoever asks for something in it shall see that there is none.
    Status closed = accelerator_.let_go();
    if (!closed) log_error("%s", closed.error().message().c_str());
    return done;
}

Status X86Accelerator::rebuild_vcpus() {
    if (confidential_ != nullptr) {
        confidential_->progress().enter(LaunchState::Processors);
        TRY(confidential_->before_vcpus(vm_, first_cpuid_));
    }
    VcpuSet& vcpus = accelerator_.vcpus();
    for (VcpuId id : vcpus.present()) {
        Vcpu& vcpu = vcpus.vcpu(id);
        TRY(vcpu.renew());
        if (confidential_ == nullptr) continue;
        TRY(confidential_->add_vcpu(vcpu));
        confidential_->progress().processor_added();
    }
    return {};
}

Status X86Accelerator::launch(LaunchMedia& media) {
    if (confidential_ == nullptr) return {};
    LaunchScene scene{media, vm_, accelerator_.vcpus()};
    LaunchProgress& progress = confidential_->progress();
    progress.enter(LaunchState::Measuring);
    if (media.pages)
        for (const MeasuredPages& run : *media.pages)
            progress.expect(run.range.size());
    Status done = media.pages ? confidential_->measure(scene, *media.pages) : confidential_->launch(scene);
    progress.enter(done ? LaunchState::Measured : LaunchState::Failed);
    return done;
}

}  // namespace vmm::kvm
