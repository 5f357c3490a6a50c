// IrqRoutes: the VM's interrupt routing table (GSI -> pin or message). KVM takes the table as a whole, so
// changes are gathered and set with one call at commit(); a commit without a change makes none. With the
// kernel's chips the pins 0-23 are routed as a PC has them; with user-space chips the IOAPIC fills in
// messages for them, by which the kernel knows whose EOIs to report. Thread-safe.
#pragma once

#include <map>
#include <vector>

#include "accel/kvm/vm.h"
#include "system/irq/routes.h"
#include "util/mutex.h"

namespace vmm::kvm {

class IrqRoutes final : public GsiRoutes {
  public:
    IrqRoutes(Vm& vm, IrqChipMode mode);

    void set_msi(unsigned gsi, const MsiMessage& message) override;
    void clear(unsigned gsi) override;
    void commit() override;
    std::optional<unsigned> allocate() override;
    void release(unsigned gsi) override;

    // As commit(), but the caller wants to know; used at start-up and for a new VM.
    Status try_commit();
    // The VM is a new one: it has no table yet.
    Status renew();

  private:
    void add_chip_pins(std::vector<kvm_irq_routing_entry>& table) const;

    Vm& vm_;
    const IrqChipMode mode_;
    Mutex mutex_{LockRank::Kvm, "interrupt routes"};
    std::map<unsigned, MsiMessage> messages_ GUARDED_BY(mutex_);
    std::vector<bool> allocated_ GUARDED_BY(mutex_);  // from kIoApicPins on
    bool changed_ GUARDED_BY(mutex_) = false;
};

}  // namespace vmm::kvm
