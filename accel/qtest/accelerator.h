// The accelerator of -accel qtest: no CPU runs, a test client stands in for the guest (server.h). Interrupt
// controllers are all in user space; there are no local APICs, so a message is a write to guest memory, where
// the client can see it. Descriptors for interrupts and writes work in software. Main thread.
#pragma once

#include <optional>

#include "accel/accelerator.h"
#include "system/irq/soft_routes.h"
#include "system/memory/dma_space.h"
#include "system/run/idle_vcpus.h"

namespace vmm::qtest {

class Accelerator final : public vmm::Accelerator {
  public:
    // The loop outlives this.
    explicit Accelerator(EventLoop& loop) : irq_fds_(loop, routes_, msi_) {}

    Status map_memory(AddressSpace& memory) override;
    void unmap_memory() override { msi_.memory.reset(); }
    Status create_irqchip() override { return {}; }
    Status reset_vcpus() override { return {}; }
    void add_vcpu(VcpuId vcpu) { vcpus_.add(vcpu); }
    void remove_vcpu(VcpuId vcpu) { vcpus_.remove(vcpu); }

    IrqChipMode irqchip_mode() const override { return IrqChipMode::User; }
    Vcpus& vcpus() override { return vcpus_; }
    AttributeSink& attributes() override { return attributes_; }
    MsiSink& msi() override { return msi_; }
    GsiRoutes& routes() override { return routes_; }
    IrqFds& irq_fds() override { return irq_fds_; }
    SoftIoEvents& io_events() override { return io_events_; }
    IrqInput& kernel_pins() override;

  private:
    // Messages into RAM; those elsewhere (local APICs) reach nobody.
    struct MemoryMsi final : MsiSink {
        void send(const MsiMessage& message) override;
        std::optional<DmaSpace> memory;
    };
    struct NoPrivateMemory final : AttributeSink {
        Status set_visibility(GpaRange range, Visibility visibility) override;
        bool has_private_memory() const override { return false; }
        void prefault(GpaRange) override {}
    };

    IdleVcpus vcpus_;
    NoPrivateMemory attributes_;
    MemoryMsi msi_;
    SoftGsiRoutes routes_;
    SoftIrqFds irq_fds_;
    SoftIoEvents io_events_;
};

}  // namespace vmm::qtest
