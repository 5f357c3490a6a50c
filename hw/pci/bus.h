// Bus: up to 32 devices of 8 functions, their configuration accesses by address, the way of their interrupt
// pins and messages, and the address spaces their BARs show in. The root bus is made by the board, the others
// by bridges (bridge.h); configuration accesses start at the root and go down by bus number.
//
// Functions are borrowed and leave before they die. Plugging and unplugging: main thread; an unplug waits for
// configuration accesses in progress (that nobody is in the function's BARs is its own device's care). The
// rest any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "hw/core/bus.h"
#include "hw/core/iommu.h"
#include "hw/pci/address.h"
#include "hw/pci/bar.h"
#include "system/irq/msi.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm::pci {

class Bridge;
class Bus;
class Function;

// Where INTx pins go: the chipset's router. Called with a function's lock held: a leaf, takes locks of rank
// IrqRouter at most.
class IntxSink {
  public:
    virtual ~IntxSink() = default;
    // The pin (0..3 for INTA..INTD) of this function of the root bus rose or fell; functions behind a bridge
    // count as the bridge's. The router keeps the levels and ORs those that share a line.
    virtual void set_intx(DevFn source, unsigned pin, bool level) = 0;
};

// What pin on the bus above a pin of a device behind a bridge becomes. PCI-to-PCI Bridge 1.2, 9.1.
constexpr unsigned swizzle(unsigned device, unsigned pin) {
    return (device + pin) % 4;
}

// What wires a bus has, which says what shows of its functions and where they may be.
enum class BusKind {
    Conventional,  // 256 bytes of configuration space each
    Express,       // a root complex, or the inside of a switch
    Link,          // below a port: device 0, unless the user insists
};

// Who looks after the slots of a bus whose bridge does not. Main thread, no lock held.
class BusHotplug {
  public:
    virtual ~BusHotplug() = default;
    virtual void arrived(Bus& bus, DevFn at) = 0;
    virtual void left(Bus& bus, DevFn from) = 0;
    // Asks the guest; the slot's functions are released once it let go.
    virtual Status ask_removal(Bus& bus, DevFn at) = 0;
    // The machine was reset, which ends what was asked for.
    virtual void finish_removals(Bus& bus) = 0;
};

class Bus final : public DeviceBus {
  public:
    // The root, pcie.0. Sinks and spaces outlive the bus.
    Bus(Spaces spaces, IntxSink& intx, MsiSink& msi);
    // Behind a bridge, which owns it and gives it its id as name.
    Bus(Bridge& bridge, Spaces spaces, BusKind kind);
    ~Bus() override;

    // As a DeviceBus: PCI devices fit on every bus; what they ask for is their Function's wanted address.
    bool accepts(std::string_view type) const override;
    bool hotpluggable() const override;
    bool full() const override;
    std::string firmware_path() const override;
    Status request_unplug(Device& device) override;
    void finish_unplugs() override;
    // The guest let go of all that is on this bus. Any thread, no lock held.
    void release_devices();
    // The same for one, which the guest never saw.
    void release(Function& function);

    // Outlives the bus's use; while the machine is made.
    void set_hotplug(BusHotplug* hotplug) { hotplug_ = hotplug; }

    // Refuses a taken address, a function above 0 where function 0 does not say it is multifunction, and
    // whatever the bridge or the function itself objects to.
    Status plug(Function& function, DevFn at);
    void unplug(Function& function);

    // One access of 1, 2 or 4 bytes to a function of this bus or of one below. All ones and nothing where no
    // function answers.
    uint32_t config_read(Address at, unsigned offset, unsigned size);
    void config_write(Address at, unsigned offset, uint32_t value, unsigned size);

    // The pin of a function of this bus rose or fell; told once a change, with the function's lock held.
    void set_intx(DevFn source, unsigned pin, bool level);
    // A message of this function of this bus, on its way through the IOMMU if there is one.
    void send(const Function& source, const MsiMessage& message);
    // Of all functions; any thread, null: there is none.
    Iommu* iommu();
    // Of the root, while the machine is made or goes.
    void set_iommu(Iommu* iommu) { wires_->iommu.store(iommu, std::memory_order_release); }

    const Spaces& spaces() const { return spaces_; }
    BusKind kind() const { return kind_; }
    Bridge* bridge() const { return bridge_; }  // null: the root
    Bus& root();
    // 0 for the root; else what the guest gave it, 0 until it has.
    uint8_t number() const;

    Function* at(DevFn devfn) const;
    bool empty() const;
    // The functions of this bus, by address.
    std::vector<Function*> functions() const;
    // Of this bus and all below, a bridge before what is behind it.
    void for_each(const std::function<void(Function&)>& visit);
    // All of them reset, as the bus's reset wire does. No lock held.
    void reset_functions();

  private:
    struct Wires {  // of the root
        Wires(IntxSink& to_intx, MsiSink& to_msi) : intx(to_intx), msi(to_msi) {}
        IntxSink& intx;
        MsiSink& msi;
        std::atomic<Iommu*> iommu{nullptr};
        Mutex mutex{LockRank::IntxTree, "PCI interrupt pins"};
        std::array<std::array<unsigned, 4>, 256> holders GUARDED_BY(mutex) = {};  // by function and pin
    };
    // Accesses from the root down; an unplug waits until none is in progress.
    struct Gate {
        void enter();
        void leave();
        void wait_until_idle();
        Mutex mutex{LockRank::Leaf, "PCI configuration accesses"};
        Condition idle;
        unsigned inside GUARDED_BY(mutex) = 0;
    };
    Status plug_in(Device& device) override;
    void take_out(Device& device) override;
    std::optional<DevFn> free_address() const;
    // The bus behind one of this bus's bridges through which that number is reached; null: none.
    Bus* towards(uint8_t number) const;
    Function* find(Address at);
    Status admit(DevFn at);

    const Spaces spaces_;
    const BusKind kind_;
    Bridge* const bridge_;
    BusHotplug* hotplug_ = nullptr;
    std::unique_ptr<Wires> wires_;  // null below the root
    Gate gate_;                     // of the root
    mutable Mutex mutex_{LockRank::Bus, "PCI bus"};
    std::array<Function*, 256> functions_ GUARDED_BY(mutex_) = {};
    std::map<uint8_t, Bridge*> bridges_ GUARDED_BY(mutex_);  // those of the functions, by address
};

}  // namespace vmm::pci
