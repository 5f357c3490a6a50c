// Function: one PCI function: its configuration header, base address registers, interrupt pin and MSI
// capabilities. A device model derives from it, adds BARs and capabilities in its constructor and calls
// freeze() at its end; Bus::plug() then puts it on a bus.
//
// Locks: mutex() (rank Device) guards the configuration space and may guard the rest of the device's state
// too. The config_* entry points take it; the hooks marked REQUIRES are called with it held. Moving a BAR
// changes the memory map under it, which is allowed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "hw/core/device.h"
#include "hw/pci/address.h"
#include "hw/pci/bar.h"
#include "hw/pci/config_space.h"
#include "hw/pci/function_config.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/option_rom.h"
#include "system/irq/msi.h"
#include "util/mutex.h"

namespace vmm::pci {

class Bus;

struct Identity {
    uint16_t vendor = 0;
    uint16_t device = 0;
    uint32_t class_code = 0;  // base, sub, interface: 0x060000
    uint8_t revision = 0;
    uint16_t subsystem_vendor = 0;
    uint16_t subsystem = 0;
    uint8_t interrupt_pin = 0;  // 1..4 for INTA..INTD
    bool multifunction = false;
    bool express = false;  // 4 KiB of configuration space
    bool bridge = false;   // header type 1
};

class Function : public Device {
  public:
    Function(const Identity& identity, std::string id)
        : Function(identity, FunctionConfig{}, std::move(id)) {}
    // A device of the user's: where it is to be, and whether other functions share its slot.
    Function(const Identity& identity, const FunctionConfig& values, std::string id);
    ~Function() override;

    // Bus entry points, any thread. The access lies within the space.
    virtual uint32_t config_read(unsigned offset, unsigned size);
    void config_write(unsigned offset, uint32_t value, unsigned size);
    unsigned config_size() const { return config_.size(); }

    // Where it sits; meaningful once plugged.
    Bus* bus() const { return bus_; }
    DevFn devfn() const { return devfn_; }
    Address address() const;

    std::optional<DevFn> wanted_address() const { return values_.addr; }
    pci::Function* as_pci() override { return this; }
    // "/scsi@3", "/pci8086,2922@1f,2". PCI Bus Binding to Open Firmware.
    std::string firmware_node() const override;
    // The bus behind it, when it is a bridge.
    virtual class Bridge* as_bridge() { return nullptr; }

    // What shows through its registers, for people.
    std::vector<BarSet::Info> bars() {
        Locked lock(mutex_);
        return bars_.list();
    }

    // Without power it answers nothing and decodes nothing; losing it resets the function. No lock held.
    void set_power(bool on);

    // Clears the configuration space to its reset values, takes BARs off the map and lowers the pin. A device
    // that overrides these calls them first.
    void reset_enter() override;
    void reset_hold() override;

  protected:
    Mutex& mutex() { return mutex_; }
    ConfigSpace& config() REQUIRES(mutex_) { return config_; }

    // A region behind BAR `index`; the region is the device's and its size a power of two. Constructor only.
    void add_bar(unsigned index, BarKind kind, MemoryRegion& region);
    void add_msi(unsigned vectors, VectorMasks masks, std::optional<unsigned> at = {});
    // The device maps table() and pending() where the layout says.
    Msix& add_msix(const Msix::Layout& layout);
    // The reset values are what the configuration space holds now. Last thing in the constructor.
    void freeze();

    // Whether an access reaches a field.
    static constexpr bool touches(unsigned offset, unsigned size, unsigned field, unsigned field_size) {
        return offset < field + field_size && field < offset + size;
    }

    // The guest changed something within this range (after the change). The default does nothing.
    virtual void config_changed(unsigned offset, unsigned size) REQUIRES(mutex_) { (void)offset, (void)size; }
    // The same once the lock is let go: for what reaches other functions.
    virtual void config_settled(unsigned offset, unsigned size) { (void)offset, (void)size; }

    // Its place is known and nobody sees it yet: what depends on the bus is shaped here (end with freeze()).
    // Called on the main thread, no lock held; an error keeps it off the bus.
    virtual Status joining(Bus& bus) {
        (void)bus;
        return {};
    }
    // It leaves its bus, and has been reset.
    virtual void leaving(Bus& bus) { (void)bus; }

    // The INTx pin: remembers the level and shows it unless the guest turned it off. Under mutex().
    void set_intx(bool level) REQUIRES(mutex_);
    // Signals a vector by whichever of MSI-X and MSI the guest turned on. False: neither, use the pin. Needs
    // no lock and may be called under mutex().
    bool signal(unsigned vector);

    bool bus_master() REQUIRES(mutex_) { return (config_.load16(kCommand) & kCommandMaster) != 0; }

  private:
    friend class Bus;
    // The ROM that the user named; before joining().
    Status load_rom();
    void command_changed() REQUIRES(mutex_);
    void messages_changed() REQUIRES(mutex_);
    // A message is a write to memory: it needs bus mastering.
    void send(const MsiMessage& message);
    void drive_pin() REQUIRES(mutex_);

    const FunctionConfig values_;
    const std::string firmware_name_;
    Mutex mutex_{LockRank::Device, "PCI function"};
    ConfigSpace config_ GUARDED_BY(mutex_);
    std::unique_ptr<OptionRom> rom_;
    BarSet bars_ GUARDED_BY(mutex_);
    // Of the express capability, when the function can be reset through it; else 0.
    unsigned function_reset_at_ GUARDED_BY(mutex_) = 0;
    bool powered_ GUARDED_BY(mutex_) = true;
    bool intx_ GUARDED_BY(mutex_) = false;        // what the device asks for
    bool pin_driven_ GUARDED_BY(mutex_) = false;  // what the bus was told
    std::unique_ptr<Msi> msi_;
    std::unique_ptr<Msix> msix_;
    std::atomic<bool> master_{false};  // the command register's bit
    Bus* bus_ = nullptr;
    DevFn devfn_;
};

}  // namespace vmm::pci
