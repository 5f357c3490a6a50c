// The enhanced configuration window: configuration space of every function as memory, 1 MiB a bus. The host
// bridge places region() where its base register says. PCI Express Base 4.0, 7.2.2.
#pragma once

#include <cstdint>

#include "hw/pci/bus.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"

namespace vmm::pci {

class EcamWindow final : public IoOps {
  public:
    // Of 256 buses at first; the host bridge may make the region smaller.
    explicit EcamWindow(Bus& root) : root_(root) {}
    MemoryRegion& region() { return region_; }

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 8, .implemented_max = 4}; }

  private:
    Bus& root_;
    MemoryRegion region_ = MemoryRegion::io("pcie-mmcfg", 256 * kMiB, *this);
};

}  // namespace vmm::pci
