// The in-kernel interrupt controllers: making them, driving the pins of the full set, and messages to the
// local APICs. Local APICs are always the kernel's; "kernel" mode adds PIC, IOAPIC and PIT there, "split" and
// "off" leave those three to user space. To be made after the memory slots (each slot added later waits for a
// grace period) and before the vCPUs.
#pragma once

#include "accel/kvm/vm.h"
#include "system/irq/chip_state.h"
#include "system/irq/line.h"
#include "system/irq/msi.h"

namespace vmm::kvm {

Status create_irqchip(Vm& vm, IrqChipMode mode);

// What the kernel's PIC (0: the master, 1) and IOAPIC hold.
Result<PicState> read_pic(Vm& vm, unsigned chip);
Result<IoApicState> read_ioapic(Vm& vm);

// The inputs of the kernel's PIC and IOAPIC. A pin is a GSI: 0-15 the ISA lines (0 reaches the IOAPIC's pin
// 2), 16-23 IOAPIC pins only. Levels of different devices on one pin are not merged here.
class KernelPins final : public IrqInput {
  public:
    explicit KernelPins(Vm& vm) : vm_(vm) {}
    void set_pin(unsigned pin, bool level) override;

  private:
    Vm& vm_;
};

// Messages straight to the local APICs.
class KvmMsi final : public MsiSink {
  public:
    explicit KvmMsi(Vm& vm) : vm_(vm) {}
    void send(const MsiMessage& message) override;

  private:
    Vm& vm_;
};

}  // namespace vmm::kvm
