// BoardEnv: the q35 board as devices see it (DeviceEnv): its spaces, interrupts and clocks, and the back ends
// of the process.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hw/core/device_env.h"
#include "hw/i386/irq_wiring.h"
#include "hw/isa/isa_bus.h"

namespace vmm {

// What devices give the firmware, until fw_cfg is made from it.
class GatheredFiles final : public FirmwareFiles {
  public:
    Status add_file(std::string name, std::vector<uint8_t> contents) override {
        if (files_.contains(name)) return Error::make("two devices give the firmware '%s'", name.c_str());
        files_.emplace(std::move(name), std::move(contents));
        return {};
    }
    const std::map<std::string, std::vector<uint8_t>>& files() const { return files_; }

  private:
    std::map<std::string, std::vector<uint8_t>> files_;
};

class BoardEnv final : public DeviceEnv {
  public:
    // All outlive the devices.
    struct Parts {
        EventLoop& loop;
        MachineRequests& requests;
        Clock& virtual_clock;
        Clock& host_clock;
        DmaSpace& dma;
        Topology& topology;
        MemoryRegion& system;
        MemoryRegion& io;
        GsiBank& gsis;
        IsaBus& isa;
        MsiSink& msi;
        GsiRoutes* routes;
        IrqFds* irq_fds;
        IoEvents* io_events;
        BackEnds& back_ends;
        GuestNeeds needs = {};
    };
    explicit BoardEnv(const Parts& parts) : parts_(parts) {}

    EventLoop& loop() override { return parts_.loop; }
    MachineRequests& requests() override { return parts_.requests; }
    Clock& virtual_clock() override { return parts_.virtual_clock; }
    Clock& host_clock() override { return parts_.host_clock; }
    DmaSpace& dma() override { return parts_.dma; }
    Topology& topology() override { return parts_.topology; }
    MemoryRegion& system_space() override { return parts_.system; }
    MemoryRegion& io_space() override { return parts_.io; }
    IrqLine isa_irq(unsigned irq) override { return parts_.gsis.connect(irq); }
    bool port_taken(uint16_t port) override { return parts_.isa.port_taken(port); }
    MsiSink& msi() override { return parts_.msi; }
    GsiRoutes* gsi_routes() override { return parts_.routes; }
    IrqFds* irq_fds() override { return parts_.irq_fds; }
    IoEvents* io_events() override { return parts_.io_events; }
    GatheredFiles& firmware_files() override { return files_; }
    GuestNeeds guest_needs() override { return parts_.needs; }
    BackEnds& back_ends() override { return parts_.back_ends; }

  private:
    const Parts parts_;
    GatheredFiles files_;
};

}  // namespace vmm
