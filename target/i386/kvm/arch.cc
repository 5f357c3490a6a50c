// An x86 vCPU; see arch.h.
#include "target/i386/kvm/arch.h"

#include <algorithm>

#include "accel/kvm/exits.h"
#include "accel/kvm/list_block.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/kvm/hypercall.h"
#include "target/i386/kvm/lapic.h"
#include "target/i386/kvm/registers_text.h"
#include "target/i386/kvm/regs.h"
#include "target/i386/kvm/xsave.h"

namespace vmm::kvm {

namespace {
// MCG_CAP (SDM vol. 3B, 17.3.1.1) as QEMU's guests see it: ten banks, MCG_CTL, software error recovery. 0: no
// machine checks.
uint64_t machine_check_banks(std::span<const CpuidEntry> cpuid) {
    constexpr uint32_t kMce = 1 << 7, kMca = 1 << 14;
    constexpr uint64_t kBanks = 10, kControl = 1 << 8, kRecovery = 1 << 24;
    for (const CpuidEntry& entry : cpuid) {
        if (entry.function != 1) continue;
        const bool has_both = (entry.edx & kMce) != 0 && (entry.edx & kMca) != 0;
        return has_both ? kBanks | kControl | kRecovery : 0;
    }
    return 0;
}
}  // namespace

Status X86Arch::prepare(Vcpu& vcpu) {
    ListBlock<abi::CpuidList, kvm_cpuid_entry2> list(config_.cpuid.size());
    list.head().count = static_cast<uint32_t>(config_.cpuid.size());
    std::transform(config_.cpuid.begin(), config_.cpuid.end(), list.entries(config_.cpuid.size()).begin(),
                   [](const CpuidEntry& e) {
                       kvm_cpuid_entry2 entry{};
                       entry.function = e.function;
                       entry.index = e.index;
                       entry.flags = e.flags;
                       entry.eax = e.eax;
                       entry.ebx = e.ebx;
                       entry.ecx = e.ecx;
                       entry.edx = e.edx;
                       return entry;
                   });
    TRY(vcpu.ioctl<abi::kSetCpuid2>(list.head()));
    // Hidden processors have what the hardware gives them.
    if (cpu_state() == CpuState::Hidden) return {};
    if (const uint64_t banks = machine_check_banks(config_.cpuid); banks != 0) {
        Banks wanted{banks};
        TRY(vcpu.ioctl<KVM_X86_SETUP_MCE>(wanted));
    }
    if (config_.feature_msrs.empty()) return {};
    return set_msrs(vcpu, config_.feature_msrs, Unknown::Refuse);
}

const BootState* X86Arch::boot() const {
    if (config_.boot == nullptr || !config_.boot->has_value()) return nullptr;
    return &**config_.boot;
}

uint32_t X86Arch::signature() const {
    for (const CpuidEntry& entry : config_.cpuid)
        if (entry.function == 1) return entry.eax;
    return 0;
}

CpuState X86Arch::cpu_state() const {
    return config_.confidential == nullptr ? CpuState::Open : config_.confidential->requirements().cpu_state;
}

// Registers that are measured are all set, once, whatever the kernel made them: the measurement must not
// depend on it. Later, or when they are hidden from the start, a vCPU begins where the hardware says; only a
// new VM resets it.
Status X86Arch::protected_reset(Vcpu& vcpu) {
    if (!fresh_) return Error::make("the registers of a protected guest's processor cannot be reset");
    fresh_ = false;
    if (cpu_state() == CpuState::Hidden) return {};
    kvm_sregs sregs = reset_sregs(config_.boot_processor);
    kvm_regs regs = reset_regs(signature());
    if (const BootState* state = boot()) {
        sregs = boot_sregs(*state, sregs);
        regs = boot_regs(*state);
    }
    if (const std::optional<uint32_t> start = config_.confidential->ap_reset_address();
        start && !config_.boot_processor) {
        sregs.cs.base = *start & 0xffff0000;
        regs.rip = *start & 0xffff;
    }
    TRY(vcpu.ioctl<KVM_SET_SREGS>(sregs));
    TRY(vcpu.ioctl<KVM_SET_REGS>(regs));
    return {};
}

Status X86Arch::reset(Vcpu& vcpu) {
    if (cpu_state() != CpuState::Open) return protected_reset(vcpu);
    if (fresh_) {
        fresh_ = false;
        return first_reset(vcpu);
    }
    return full_reset(vcpu);
}

// A new vCPU: only the boot processor starts by itself, and only its EDX (or the kernel to boot) is news.
Status X86Arch::first_reset(Vcpu& vcpu) {
    if (!config_.boot_processor) return {};
    if (const BootState* state = boot()) return load_boot_state(vcpu, *state);
    kvm_regs regs = reset_regs(signature());
    TRY(vcpu.ioctl<KVM_SET_REGS>(regs));
    return {};
}

Status X86Arch::load_boot_state(Vcpu& vcpu, const BootState& state) {
    kvm_sregs sregs = boot_sregs(state, reset_sregs(config_.boot_processor));
    TRY(vcpu.ioctl<KVM_SET_SREGS>(sregs));
    kvm_regs regs = boot_regs(state);
    TRY(vcpu.ioctl<KVM_SET_REGS>(regs));
    std::vector<Msr> msrs;
    for (const BootMsr& msr : state.msrs)
        msrs.emplace_back(msr.index, msr.value);
    return set_msrs(vcpu, msrs, Unknown::Refuse);
}

Status X86Arch::full_reset(Vcpu& vcpu) {
    kvm_sregs sregs = reset_sregs(config_.boot_processor);
    TRY(vcpu.ioctl<KVM_SET_SREGS>(sregs));
    kvm_regs regs = reset_regs(signature());
    TRY(vcpu.ioctl<KVM_SET_REGS>(regs));
    kvm_xcrs xcrs = reset_xcrs();
    TRY(vcpu.ioctl<KVM_SET_XCRS>(xcrs));
    abi::Xsave xsave = reset_xsave();
    TRY(vcpu.ioctl<abi::kSetXsave>(xsave));
    kvm_debugregs debug{};
    debug.dr6 = 0xffff0ff0;
    debug.dr7 = 0x400;
    TRY(vcpu.ioctl<KVM_SET_DEBUGREGS>(debug));
    kvm_vcpu_events events{};  // nothing pending, nothing masked
    events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    TRY(vcpu.ioctl<KVM_SET_VCPU_EVENTS>(events));
    TRY(set_msrs(vcpu, reset_msrs(), Unknown::Skip));
    kvm_lapic_state lapic = reset_lapic(config_.apic_id, config_.boot_processor);
    TRY(vcpu.ioctl<KVM_SET_LAPIC>(lapic));
    kvm_mp_state mp_state{};
    mp_state.mp_state = config_.boot_processor ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
    TRY(vcpu.ioctl<KVM_SET_MP_STATE>(mp_state));
    if (const BootState* state = boot()) return load_boot_state(vcpu, *state);
    return {};
}

[[gnu::cold]] ExitAction X86Arch::stop_for_good(Vcpu& vcpu, const GuestWorld& world, const Error& why) {
    world.requests.report_internal_error(why.text() + "\n" + registers(vcpu, RegisterDetail::General));
    return ExitAction::Park;
}

[[gnu::hot]] std::optional<ExitAction> X86Arch::handle_exit(Vcpu& vcpu, const GuestWorld& world) {
    if (vcpu.page().exit_reason != KVM_EXIT_HYPERCALL)
        return config_.confidential != nullptr ? config_.confidential->handle_exit(vcpu, world)
                                               : std::nullopt;
    auto& call = abi::exit_payload<abi::HypercallExit>(vcpu.page());
    HypercallAnswer answer = serve_hypercall(call, world.converter);
    call.result = answer.result;
    if (!answer.fatal) [[likely]]
        return ExitAction::Resume;
    return stop_for_good(vcpu, world, *answer.fatal);
}

std::string X86Arch::registers(Vcpu& vcpu, RegisterDetail detail) {
    if (cpu_state() != CpuState::Open) return "(the registers are the guest's own)";
    RegistersShown shown;
    kvm_vcpu_events events{};
    kvm_mp_state mp_state{};
    const bool read = vcpu.ioctl<KVM_GET_REGS>(shown.regs) && vcpu.ioctl<KVM_GET_SREGS>(shown.sregs) &&
                      vcpu.ioctl<KVM_GET_DEBUGREGS>(shown.debug) && vcpu.ioctl<KVM_GET_VCPU_EVENTS>(events) &&
                      vcpu.ioctl<KVM_GET_MP_STATE>(mp_state);
    if (!read) return "(this vCPU's registers cannot be read)";
    shown.halted = mp_state.mp_state == KVM_MP_STATE_HALTED;
    shown.interrupt_shadow = events.interrupt.shadow != 0;
    shown.in_smm = (events.flags & KVM_VCPUEVENT_VALID_SMM) != 0 && events.smi.smm != 0;
    std::string text = registers_text(shown);
    if (detail == RegisterDetail::All && vcpu.ioctl<abi::kGetXsave>(shown.fpu))
        text += '\n' + vector_registers_text(shown);
    return text;
}

}  // namespace vmm::kvm
