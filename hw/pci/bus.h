// Bus: up to 32 devices of 8 functions, their configuration accesses by address, the way of their interrupt
// pins and messages, and the address spaces their BARs show in. The root bus is made by the board. Functions
// are borrowed and leave before they die. plug/unplug: main thread; the rest any thread.
#pragma once

#include <array>
#include <cstdint>

#include "hw/pci/address.h"
#include "hw/pci/bar.h"
#include "system/irq/msi.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm::pci {

class Function;

// Where INTx pins go: the chipset's router. Called with the function's lock held: a leaf, takes locks of rank
// Irq at most.
class IntxSink {
  public:
    virtual ~IntxSink() = default;
    // The pin (0..3 for INTA..INTD) of the device in this slot of the root bus rose or fell. The router keeps
    // the levels and ORs those that share a line.
    virtual void set_intx(DevFn source, unsigned pin, bool level) = 0;
};

// What pin on the bus above a pin of a device behind a bridge becomes. PCI-to-PCI Bridge 1.2, 9.1.
constexpr unsigned swizzle(unsigned device, unsigned pin) {
    return (device + pin) % 4;
}

class Bus {
  public:
    // Sinks and spaces outlive the bus.
    Bus(Spaces spaces, IntxSink& intx, MsiSink& msi) : spaces_(spaces), intx_(intx), msi_(msi) {}
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    // Refuses a taken address, and a function above 0 where function 0 does not say it is multifunction.
    Status plug(Function& function, DevFn at);
    void unplug(Function& function);

    // One access of 1, 2 or 4 bytes. All ones and nothing where no function answers.
    uint32_t config_read(Address at, unsigned offset, unsigned size);
    void config_write(Address at, unsigned offset, uint32_t value, unsigned size);

    const Spaces& spaces() const { return spaces_; }
    IntxSink& intx() const { return intx_; }
    MsiSink& msi() const { return msi_; }
    uint8_t number() const { return 0; }

  private:
    Function* find(Address at);

    Spaces spaces_;
    IntxSink& intx_;
    MsiSink& msi_;
    Mutex mutex_{LockRank::Bus, "PCI bus"};
    std::array<Function*, 256> functions_ GUARDED_BY(mutex_) = {};
};

}  // namespace vmm::pci
