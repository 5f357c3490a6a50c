// MemorySlots: where memory modules are plugged in: it gives each a slot and an address, puts it into the
// memory map, and tells the guest by the registers of hw/acpi/memory_hotplug. A module goes when the guest
// lets it go. Thread: main, except the calls of HotplugHost.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "hw/acpi/memory_hotplug.h"
#include "hw/core/bus.h"
#include "hw/core/device_tree.h"
#include "hw/mem/pc_dimm.h"

namespace vmm {

class EventLoop;

class MemorySlots final : public DeviceBus, public acpi::HotplugHost {
  public:
    struct Config {
        std::optional<GpaRange> window;  // absent: -m asked for none
        uint64_t most_bytes = 0;         // of all modules together
        unsigned slots = 0;
        unsigned nodes = 0;  // 0: no NUMA
        bool acpi = true;    // without it nothing can come or go later
    };
    // What the board does for it.
    struct Actions {
        std::function<Status(PcDimm& module, Gpa at)> map;  // whole, or not at all
        std::function<void(PcDimm& module)> unmap;
        std::function<void()> raise_event;
        std::function<void(const SlotReport&)> report;
    };
    // The loop outlives this.
    MemorySlots(const Config& config, Actions actions, EventLoop& loop);

    acpi::MemoryHotplug& registers() { return registers_; }
    // From here on the guest is told.
    void set_running() { running_ = true; }
    bool hotpluggable() const override { return true; }
    bool asks_again() const override { return true; }
    Status request_unplug(Device& device) override;

    uint64_t bytes() const;
    std::vector<SlotReport> reports();

  private:
    Status plug_in(Device& device) override;
    void take_out(Device& device) override;
    Status check(const PcDimm& module) const;
    Result<unsigned> free_slot(int32_t wanted) const;
    Result<GpaRange> free_range(const PcDimm& module) const;
    SlotReport report_of(unsigned slot, const acpi::OstReport& report) const;

    // acpi::HotplugHost
    void raise_event() override { actions_.raise_event(); }
    void eject(unsigned slot) override;
    void ost_reported(unsigned slot, const acpi::OstReport& report) override;

    const Config config_;
    const Actions actions_;
    EventLoop& loop_;
    std::vector<PcDimm*> modules_;  // by slot
    bool running_ = false;
    acpi::MemoryHotplug registers_;
};

}  // namespace vmm
