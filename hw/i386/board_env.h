// BoardEnv: the q35 board as devices see it (DeviceEnv): its spaces, interrupts and clocks, and the back ends
// of the process.
#pragma once

#include "hw/core/device_env.h"
#include "hw/core/iommu.h"
#include "hw/i386/irq_wiring.h"
#include "hw/isa/isa_bus.h"

namespace vmm {

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
        FirmwareFiles& files;
        BackEnds& back_ends;
        GuestNeeds needs = {};
        ConversionEngine* conversions = nullptr;
        unsigned cpus = 1;
        InterruptReach interrupts = {};
        std::function<void(Iommu*)> connect_iommu = {};
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
    // With messages that are remapped each time, nothing of the kernel's can send them.
    GsiRoutes* gsi_routes() override { return remaps_ ? nullptr : parts_.routes; }
    IrqFds* irq_fds() override { return remaps_ ? nullptr : parts_.irq_fds; }
    IoEvents* io_events() override { return parts_.io_events; }
    FirmwareFiles& firmware_files() override { return parts_.files; }
    GuestNeeds guest_needs() override { return parts_.needs; }
    ConversionEngine* conversions() override { return parts_.conversions; }
    unsigned cpus() override { return parts_.cpus; }
    Status set_iommu(Iommu* iommu) override;
    bool has_iommu() const override { return iommu_ != nullptr; }
    InterruptReach interrupt_reach() const override { return parts_.interrupts; }
    const Iommu* iommu() const { return iommu_; }
    BackEnds& back_ends() override { return parts_.back_ends; }

  private:
    const Parts parts_;
    Iommu* iommu_ = nullptr;
    bool remaps_ = false;
};

}  // namespace vmm
