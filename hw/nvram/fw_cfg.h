// fw_cfg on I/O ports, with DMA: how firmware and Linux get tables, the kernel and settings from the machine.
// Specification: the fw_cfg document of QEMU's specs. Ports 0x510 (selector, 16 bits), 0x511 (data, 8 bits)
// and 0x514..0x51b (DMA address, big-endian; the write of the low half starts the transfer). Missing: the
// memory-mapped interface (no x86 machine has it); writes through the data port (removed from the interface).
// Thread: any vCPU. Lock: one of rank Device; DMA reaches RAM only and is done under it, `written` callbacks
// after it.
#pragma once

#include <cstdint>

#include "hw/core/device.h"
#include "hw/isa/member_ops.h"
#include "hw/nvram/fw_cfg_items.h"
#include "system/memory/address.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class DmaSpace;
class MemoryRegion;
class Topology;

class FwCfg final : public Device {
  public:
    static constexpr uint16_t kSelectorPort = 0x510;
    static constexpr uint16_t kDmaPort = 0x514;

    // Maps its ports into the I/O space; topology, I/O root and DMA space outlive the device.
    FwCfg(Topology& topology, MemoryRegion& io_root, DmaSpace& dma);
    ~FwCfg() override;

    std::string_view type() const override { return "fw_cfg_io"; }
    void reset_hold() override;

    // Filled before the guest runs; the signature and the feature bits are there already.
    FwCfgItems& items() { return items_; }

  private:
    static constexpr IoSizes kRegisterSizes = {
        .accepted_min = 1, .accepted_max = 2, .implemented_min = 1, .implemented_max = 2, .unaligned = true};
    static constexpr IoSizes kDmaSizes = {
        .accepted_min = 1, .accepted_max = 8, .implemented_min = 1, .implemented_max = 8, .unaligned = false};

    // The ports of the selector and the data byte.
    uint64_t read_registers(uint64_t offset, unsigned size);
    void write_registers(uint64_t offset, uint64_t value, unsigned size);
    // The DMA address register.
    uint64_t read_dma_register(uint64_t offset, unsigned size);
    void write_dma_register(uint64_t offset, uint64_t value, unsigned size);

    void select(uint16_t key) REQUIRES(mutex_);
    uint8_t read_byte() REQUIRES(mutex_);
    // Runs the request at the address; returns the item that the guest wrote, if any.
    FwCfgItem* run_dma(Gpa request) REQUIRES(mutex_);
    bool dma_read(Gpa to, uint32_t length) REQUIRES(mutex_);
    bool dma_write(Gpa from, uint32_t length) REQUIRES(mutex_);

    Topology& topology_;
    DmaSpace& dma_;
    Mutex mutex_{LockRank::Device, "fw_cfg"};
    FwCfgItems items_;
    FwCfgItem* item_ GUARDED_BY(mutex_) = nullptr;  // the selected one
    uint32_t position_ GUARDED_BY(mutex_) = 0;
    uint64_t dma_address_ GUARDED_BY(mutex_) = 0;
    MemberOps<&FwCfg::read_registers, &FwCfg::write_registers> registers_{*this, kRegisterSizes};
    MemberOps<&FwCfg::read_dma_register, &FwCfg::write_dma_register> dma_register_{*this, kDmaSizes};
    MemoryRegion registers_region_;
    MemoryRegion dma_region_;
};

}  // namespace vmm
