// The wires between devices and interrupt controllers. A GSI is a line of the board: 0-15 the ISA interrupts,
// 16-23 the IOAPIC's further pins. Several devices may pull one GSI; GsiBank ORs them. IsaFanOut carries a
// GSI to controllers in user space: the 8259 pair and the IOAPIC both see ISA interrupts, and IRQ 0 arrives
// at the IOAPIC's pin 2 (the MADT says so). The kernel's own controllers take GSIs as they are. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "system/irq/line.h"
#include "system/irq/routes.h"
#include "util/mutex.h"

namespace vmm {

inline constexpr unsigned kIsaIrqs = 16;

class GsiBank final : private IrqInput {
  public:
    // Where the merged lines go; outlives the bank.
    explicit GsiBank(IrqInput& controllers) : controllers_(controllers) {}
    // A new wire to a GSI below kIoApicPins, low at first. While the board is made.
    IrqLine connect(unsigned gsi);
    // How often each line rose.
    std::array<uint64_t, kIoApicPins> rises();

  private:
    struct Wire {
        unsigned gsi;
        bool level;
    };
    void set_pin(unsigned wire, bool level) override;

    IrqInput& controllers_;
    Mutex mutex_{LockRank::IrqWiring, "interrupt wires"};
    std::vector<Wire> wires_ GUARDED_BY(mutex_);
    std::array<unsigned, kIoApicPins> asserted_ GUARDED_BY(mutex_) = {};
    std::array<uint64_t, kIoApicPins> rises_ GUARDED_BY(mutex_) = {};
};

class IsaFanOut final : public IrqInput {
  public:
    // Both outlive this; there may be no PIC.
    IsaFanOut(IrqInput* pic, IrqInput& ioapic) : pic_(pic), ioapic_(ioapic) {}
    void set_pin(unsigned gsi, bool level) override;

  private:
    IrqInput* const pic_;
    IrqInput& ioapic_;
};

}  // namespace vmm
