// Setting up an x86 VM; see vm_setup.h.
#include "target/i386/kvm/vm_setup.h"

#include "target/i386/cpu/apic_id.h"
#include "util/log.h"

namespace vmm::kvm {

Status prepare_vm(Vm& vm, const X86VmOptions& options) {
    Address identity_map{kKernelPages};
    TRY(vm.ioctl<KVM_SET_IDENTITY_MAP_ADDR>(identity_map));
    TRY(vm.ioctl<KVM_SET_TSS_ADDR>(static_cast<Long>(kKernelPages + 0x1000)));
    if (options.max_apic_id > kMaxXapicId) {
        TRY(vm.enable(KVM_CAP_X2APIC_API, "KVM_CAP_X2APIC_API",
                      KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK));
    }
    if (options.map_gpa_range) {
        constexpr uint64_t kMask = uint64_t{1} << abi::kHypercallMapGpaRange;
        if (!vm.capabilities().has_bits(abi::kCapExitHypercall, kMask)) {
            return Error::of_class(
                ErrorClass::KvmMissingCap,
                "KVM: this kernel cannot hand the guest's conversion requests to user space "
                "(KVM_CAP_EXIT_HYPERCALL)");
        }
        TRY(vm.enable(abi::kCapExitHypercall, "KVM_CAP_EXIT_HYPERCALL", kMask));
    }
    return {};
}

Status create_kernel_pit(Vm& vm, LostTicks lost_ticks) {
    kvm_pit_config config{};
    config.flags = KVM_PIT_SPEAKER_DUMMY;
    TRY(vm.ioctl<KVM_CREATE_PIT2>(config));
    if (lost_ticks == LostTicks::Delay) return {};  // what a new one does
    kvm_reinject_control control{};
    TRY(vm.ioctl<KVM_REINJECT_CONTROL>(control));
    return {};
}

Status set_kernel_pit_replaced(Vm& vm, bool replaced) {
    kvm_pit_state2 pit{};
    TRY(vm.ioctl<KVM_GET_PIT2>(pit));
    const uint32_t kept = pit.flags & ~uint32_t{KVM_PIT_FLAGS_HPET_LEGACY};
    pit.flags = kept | (replaced ? KVM_PIT_FLAGS_HPET_LEGACY : 0);
    TRY(vm.ioctl<KVM_SET_PIT2>(pit));
    return {};
}

void KernelChips::reset_hold() {
    if (fresh_) {
        fresh_ = false;
        return;
    }
    Status done = reset();
    if (!done) log_error("the kernel's interrupt chips were not reset: %s", done.error().text().c_str());
}

Status KernelChips::reset() {
    // Which lines may be set to level: not the timer, the keyboard, the cascade, the clock, the FPU.
    constexpr uint8_t kLevelCapable[] = {0xf8, 0xde};
    for (uint32_t chip : {KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE}) {
        kvm_irqchip state{};
        state.chip_id = chip;
        state.chip.pic.elcr_mask = kLevelCapable[chip];
        TRY(vm_.ioctl<KVM_SET_IRQCHIP>(state));
    }
    kvm_irqchip ioapic{};
    ioapic.chip_id = KVM_IRQCHIP_IOAPIC;
    ioapic.chip.ioapic.base_address = 0xfec00000;
    constexpr uint64_t kMasked = 1u << 16;
    for (auto& entry : ioapic.chip.ioapic.redirtbl)
        entry.bits = kMasked;
    TRY(vm_.ioctl<KVM_SET_IRQCHIP>(ioapic));
    if (!has_pit_) return {};
    kvm_pit_state2 pit{};
    for (unsigned i = 0; i < 3; i++) {
        pit.channels[i].mode = 0xff;  // never programmed
        pit.channels[i].gate = i != 2;
    }
    TRY(vm_.ioctl<KVM_SET_PIT2>(pit));
    return {};
}

}  // namespace vmm::kvm
