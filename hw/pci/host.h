// The host bridge's way into configuration space through I/O ports: CONFIG_ADDRESS at 0xcf8 (a 32-bit write)
// and the data window 0xcfc-0xcff, in bytes, words or doublewords. PCI Local Bus 3.0, 3.2.2.3.2. The board
// maps address_region() at 0xcf8 and data_region() at 0xcfc; the byte registers that chipsets keep at 0xcf9
// and nearby lie on top with a higher priority.
#pragma once

#include <cstdint>

#include "hw/core/device.h"
#include "hw/pci/bus.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm::pci {

inline constexpr uint16_t kConfigAddressPort = 0xcf8;
inline constexpr uint16_t kConfigDataPort = 0xcfc;

class ConfigPorts final : public Device {
  public:
    explicit ConfigPorts(Bus& root) : root_(root) {}
    std::string_view type() const override { return "pci-config-ports"; }

    // Gets the bytes of narrower accesses to 0xcf8-0xcfb, by offset from 0xcf8. While the machine is made.
    void set_byte_registers(IoOps& registers) { byte_registers_ = &registers; }
    MemoryRegion& address_region() { return address_region_; }
    MemoryRegion& data_region() { return data_region_; }

    void reset_enter() override;

  private:
    // CONFIG_ADDRESS: only whole doublewords reach it; others pass by.
    class AddressOps final : public IoOps {
      public:
        explicit AddressOps(ConfigPorts& ports) : ports_(ports) {}
        uint64_t read(uint64_t offset, unsigned size) override;
        void write(uint64_t offset, uint64_t value, unsigned size) override;

      private:
        ConfigPorts& ports_;
    };
    class DataOps final : public IoOps {
      public:
        explicit DataOps(ConfigPorts& ports) : ports_(ports) {}
        uint64_t read(uint64_t offset, unsigned size) override;
        void write(uint64_t offset, uint64_t value, unsigned size) override;

      private:
        ConfigPorts& ports_;
    };
    uint32_t selected();

    Bus& root_;
    IoOps* byte_registers_ = nullptr;
    Mutex mutex_{LockRank::Device, "PCI configuration ports"};
    uint32_t address_ GUARDED_BY(mutex_) = 0;
    AddressOps address_ops_{*this};
    DataOps data_ops_{*this};
    MemoryRegion address_region_ = MemoryRegion::io("pci-conf-idx", 4, address_ops_);
    MemoryRegion data_region_ = MemoryRegion::io("pci-conf-data", 4, data_ops_);
};

}  // namespace vmm::pci
