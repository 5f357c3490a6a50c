// AhciHba: the register file of an AHCI controller: the generic host registers and the ports behind them.
// What it is plugged into (a PCI function) hands it the lock and takes its interrupt. AHCI 1.3.1, 3.1.
//
// Missing: command completion coalescing, enclosure management, BIOS/OS handoff, staggered spin-up (as CAP
// says).
//
// Thread: registers any; see ahci_port.h. Lock: the owner's, of rank Device.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hw/ata/ahci_port.h"
#include "system/memory/region_ops.h"

namespace vmm::ata {

class InterruptSink {
  public:
    virtual ~InterruptSink() = default;
    // The level of the interrupt; `news`: something happened since, for message interrupts. The lock is held.
    virtual void set_interrupt(bool level, bool news) = 0;
};

class AhciHba final : public IoOps, private PortOwner {
  public:
    struct Parts {
        Mutex& mutex;
        InterruptSink& interrupt;
        DmaSpace& dma;
        EventLoop& loop;
    };
    AhciHba(const Parts& parts, unsigned ports);

    // The register window; 32-bit registers.
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 8, 4, 4, false}; }

    AhciPort& port(unsigned index) { return *ports_[index]; }
    unsigned port_count() const { return static_cast<unsigned>(ports_.size()); }
    // Of the machine, with the drives drained.
    void power_on_reset();

  private:
    void port_changed(bool news) override REQUIRES(mutex_);
    uint32_t read_global(unsigned offset) REQUIRES(mutex_);
    void write_global(unsigned offset, uint32_t value) REQUIRES(mutex_);
    void reset() REQUIRES(mutex_);

    Mutex& mutex_;
    InterruptSink& interrupt_;
    uint32_t ghc_ GUARDED_BY(mutex_) = kGhcAhci;
    uint32_t is_ GUARDED_BY(mutex_) = 0;
    std::vector<std::unique_ptr<AhciPort>> ports_;
};

}  // namespace vmm::ata
