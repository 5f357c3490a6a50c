// In-kernel interrupt controllers; see irqchip.h.
#include "accel/kvm/irqchip.h"

#include "system/irq/routes.h"
#include "util/log.h"

namespace vmm::kvm {

Status create_irqchip(Vm& vm, IrqChipMode mode) {
    if (mode == IrqChipMode::Kernel) {
        TRY(vm.ioctl<KVM_CREATE_IRQCHIP>());
        return {};
    }
    Status split = vm.enable(KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP", kIoApicPins);
    if (!split) {
        return std::move(split).take_error().while_doing(
            "could not keep the local APICs alone in the kernel");
    }
    return {};
}

Result<PicState> read_pic(Vm& vm, unsigned chip) {
    kvm_irqchip held{};
    held.chip_id = chip == 0 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
    TRY(vm.ioctl<KVM_GET_IRQCHIP>(held));
    const kvm_pic_state& pic = held.chip.pic;
    return PicState{.requests = pic.irr,
                    .mask = pic.imr,
                    .in_service = pic.isr,
                    .first = pic.priority_add,
                    .base = pic.irq_base,
                    .elcr = pic.elcr,
                    .read_isr = pic.read_reg_select != 0,
                    .special_mask = pic.special_mask != 0,
                    .auto_eoi = pic.auto_eoi != 0,
                    .fully_nested = pic.special_fully_nested_mode != 0};
}

Result<IoApicState> read_ioapic(Vm& vm) {
    kvm_irqchip held{};
    held.chip_id = KVM_IRQCHIP_IOAPIC;
    TRY(vm.ioctl<KVM_GET_IRQCHIP>(held));
    const kvm_ioapic_state& chip = held.chip.ioapic;
    IoApicState out{.id = static_cast<uint8_t>(chip.id),
                    .select = static_cast<uint8_t>(chip.ioregsel),
                    .requests = chip.irr};
    for (unsigned pin = 0; pin < out.entries.size(); ++pin)
        out.entries[pin] = chip.redirtbl[pin].bits;
    return out;
}

void KernelPins::set_pin(unsigned pin, bool level) {
    kvm_irq_level argument{};
    argument.irq = pin;
    argument.level = level ? 1 : 0;
    Result<int> got = vm_.ioctl<KVM_IRQ_LINE>(argument);
    if (!got && vm_.gone()) return;  // it could not be made anew; its chips are as gone
    CHECK(static_cast<bool>(got), "pin %u: %s", pin, got.error().text().c_str());
}

void KvmMsi::send(const MsiMessage& message) {
    kvm_msi argument{};
    argument.address_lo = static_cast<uint32_t>(message.address);
    argument.address_hi = static_cast<uint32_t>(message.address >> 32);
    argument.data = message.data;
    Result<int> got = vm_.ioctl<KVM_SIGNAL_MSI>(argument);
    // The guest wrote a message that no local APIC takes; hardware drops it as well.
    if (!got) {
        log_guest_error("interrupt message 0x%llx/0x%x went nowhere: %s",
                        static_cast<unsigned long long>(message.address), message.data,
                        got.error().text().c_str());
    }
}

}  // namespace vmm::kvm
