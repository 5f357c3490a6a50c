// CpuSockets: where processors are plugged in. Those that the machine starts with are there from the start
// and stay; the others are devices of the user's. A processor that comes while the machine runs gets its vCPU
// at once, without a halt of the others, and the guest is told by the registers of hw/acpi/cpu_hotplug; it
// goes when the guest lets it go.
// Thread: main, except the calls of HotplugHost.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hw/acpi/cpu_hotplug.h"
#include "hw/core/bus.h"
#include "hw/core/device_tree.h"
#include "hw/i386/cpu_places.h"

namespace vmm {

class EventLoop;

class CpuSockets final : public DeviceBus, public acpi::HotplugHost {
  public:
    struct Config {
        CpuTopology topology;
        std::vector<CpuSlotPlace> places;
        unsigned at_start = 1;  // the first so many are there
        std::string cpu_type;   // "qemu64-x86_64-cpu": the only one that fits
        bool acpi = true;       // without it nothing can come or go later
    };
    // What the board does for it. make: the vCPU of a place exists and runs as the others do, or why not.
    struct Actions {
        std::function<Status(unsigned index)> make;
        std::function<void(unsigned index)> end;
        std::function<void()> raise_event;
        std::function<void(const SlotReport&)> report;
    };
    // The loop outlives this.
    CpuSockets(Config config, Actions actions, EventLoop& loop);

    acpi::CpuHotplug& registers() { return registers_; }
    // The vCPUs of all that is there are made: from here on each is made as it comes.
    void set_running() { running_ = true; }
    bool hotpluggable() const override { return true; }
    Status takes(const DeviceInfo& info) const override;
    bool asks_again() const override { return true; }
    Status request_unplug(Device& device) override;

    const std::vector<CpuSlotPlace>& places() const { return config_.places; }
    bool present(unsigned index) const { return index < config_.at_start || devices_[index] != nullptr; }
    std::vector<unsigned> present() const;
    // The user's device in this place, or null.
    const CpuDevice* device(unsigned index) const { return devices_.at(index); }
    std::vector<SlotReport> reports();

  private:
    Status plug_in(Device& device) override;
    void take_out(Device& device) override;
    unsigned index_of(const Device& device) const;
    SlotReport report_of(unsigned slot, const acpi::OstReport& report) const;

    // acpi::HotplugHost
    void raise_event() override { actions_.raise_event(); }
    void eject(unsigned slot) override;
    void ost_reported(unsigned slot, const acpi::OstReport& report) override;

    const Config config_;
    const Actions actions_;
    EventLoop& loop_;
    std::vector<CpuDevice*> devices_;  // by place
    bool running_ = false;
    acpi::CpuHotplug registers_;
};

}  // namespace vmm
