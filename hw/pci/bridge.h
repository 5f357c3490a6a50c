// Bridge: a PCI-to-PCI bridge's configuration header (type 1) and what it does: its bus numbers route
// configuration accesses, its windows show the address spaces of the bus behind it in those of its own bus,
// its reset bit resets what is behind. What kind of bridge it is (capabilities, hot-plug) is the business of
// those that derive from it. PCI-to-PCI Bridge 1.2, chapters 3, 4 and 11.
//
// Missing: the bus master bit does not stop what comes from behind (firmware leaves it off); subtractive
// decoding; discard timers; error forwarding.
//
// Locks: the function's mutex() guards the header; the windows move under it. Bus numbers are read without a
// lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "hw/pci/bus.h"
#include "hw/pci/function.h"
#include "system/memory/region.h"

namespace vmm::pci {

class Bridge : public Function {
  public:
    // The identity's class is that of a bridge already, its header type is made so.
    Bridge(Identity identity, const FunctionConfig& config, std::string id, Topology& topology,
           BusKind behind);
    ~Bridge() override;

    Bus& secondary() { return secondary_; }
    Bridge* as_bridge() override { return this; }
    // With a slot behind it.
    virtual class Port* as_port() { return nullptr; }
    uint8_t secondary_number() const { return secondary_number_.load(std::memory_order_relaxed); }
    // Whether accesses to this bus number go through it.
    bool forwards(uint8_t bus) const;

    // Called by the bus behind, main thread, no lock held. May a function come (its address is free)? It
    // came; one left; somebody wants one back; the machine was reset, which ends what was asked for.
    virtual Status admit(DevFn at) {
        (void)at;
        return {};
    }
    virtual void arrived(Function& function) { (void)function; }
    virtual void left(DevFn from) { (void)from; }
    virtual bool hotpluggable() const { return false; }
    virtual Status ask_removal(Function& function);
    virtual void finish_removals() {}

    std::span<DeviceBus* const> buses() override { return behind_; }

    void reset_enter() override;
    void reset_hold() override;

  protected:
    // Those that override these call them too.
    void config_changed(unsigned offset, unsigned size) override;
    void config_settled(unsigned offset, unsigned size) override;
    Status joining(Bus& bus) override;
    void leaving(Bus& bus) override;

    // A capability that says whose board it is (bridges have no subsystem ids in the header).
    void add_subsystem_capability(unsigned at, uint16_t vendor, uint16_t device) REQUIRES(mutex());
    // Of a bridge that decodes no I/O ports, or memory only (its registers are fixed).
    void remove_io_window() REQUIRES(mutex());

  private:
    struct Window {
        MemoryRegion region;
        bool io;
    };
    void set_up_header();
    void update_numbers() REQUIRES(mutex());
    void update_windows() REQUIRES(mutex());
    // Shows first..last of the space behind at the same addresses in front; nothing when first > last.
    void show(Window& window, bool on, uint64_t first, uint64_t last) REQUIRES(mutex());

    Topology& topology_;
    MemoryRegion memory_ = MemoryRegion::container("pci-bridge-memory", MemoryRegion::kWholeSpace);
    MemoryRegion io_ = MemoryRegion::container("pci-bridge-io", 0x10000);
    Bus secondary_;
    Window io_window_, memory_window_, prefetch_window_;
    Window vga_memory_, vga_low_io_, vga_high_io_;
    std::atomic<uint8_t> secondary_number_{0};
    std::atomic<uint8_t> subordinate_number_{0};
    DeviceBus* const behind_[1] = {&secondary_};
    std::atomic<bool> in_reset_{false};  // the bridge control register's bit
    bool reset_asked_ GUARDED_BY(mutex()) = false;
};

}  // namespace vmm::pci
