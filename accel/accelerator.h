// Accelerator: everything that runs one machine's CPUs gives the board and, through it, the devices. Made by
// start-up, owned by the board; accel/kvm and accel/qtest implement it. What is particular to x86 is
// target/i386/x86_accelerator.h. Built and torn down on the main thread, in the order of the calls below.
#pragma once

#include <functional>

#include "accel/vm.h"
#include "system/irq/line.h"

namespace vmm {

class AddressSpace;
class MachineRequests;

namespace kvm {
class GuestConverter;
}

// What the vCPUs work on. All borrowed, all outliving the vCPUs; optional ones may be null.
struct GuestWorld {
    AddressSpace& memory;
    AddressSpace& ports;
    MachineRequests& requests;
    kvm::GuestConverter* converter = nullptr;
    EoiListener* end_of_interrupt = nullptr;
};

class Accelerator {
  public:
    virtual ~Accelerator() = default;
    // Follows the space's RAM. The space outlives the accelerator or is let go with unmap_memory().
    virtual Status map_memory(AddressSpace& memory) = 0;
    virtual void unmap_memory() = 0;
    // Makes a change to the memory map of a running machine; what the accelerator could not follow is the
    // result, and the caller takes the change back. Main thread.
    virtual Status attempt(const std::function<void()>& change) {
        change();
        return {};
    }
    virtual Status create_irqchip() = 0;
    // Loads every vCPU's reset state. vCPUs paused.
    virtual Status reset_vcpus() = 0;

    virtual IrqChipMode irqchip_mode() const = 0;
    virtual Vcpus& vcpus() = 0;
    virtual AttributeSink& attributes() = 0;
    virtual MsiSink& msi() = 0;
    virtual GsiRoutes& routes() = 0;
    virtual IrqFds& irq_fds() = 0;
    virtual IoEvents& io_events() = 0;
    // The pins of the PIC and IOAPIC that the accelerator has: IrqChipMode::Kernel only.
    virtual IrqInput& kernel_pins() = 0;
};

}  // namespace vmm
