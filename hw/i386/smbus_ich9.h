// The ICH9's SMBus controller: PCI function 1f.3 around the registers of hw/i2c/smbus_host, and the eight
// EEPROMs of the memory slots on its bus, which are blank. ICH9 datasheet, chapter 18.
//
// Missing: the memory BAR (drivers use the ports), SMIs. Thread: any; the function's lock.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "hw/i2c/smbus.h"
#include "hw/i2c/smbus_eeprom.h"
#include "hw/i2c/smbus_host.h"
#include "hw/pci/function.h"
#include "system/memory/region_ops.h"

namespace vmm {

class SmbusIch9 final : public pci::Function, public IoOps {
  public:
    static constexpr unsigned kEeproms = 8;

    explicit SmbusIch9(Topology& topology);
    std::string_view type() const override { return "ICH9-SMB"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 4, .implemented_max = 1}; }
    void reset_enter() override;

  private:
    void config_changed(unsigned offset, unsigned size) override;
    void set_up_registers() REQUIRES(mutex());
    void update_ports() REQUIRES(mutex());

    Topology& topology_;
    Smbus bus_;
    std::vector<SmbusEeprom> eeproms_;
    SmbusHost host_ GUARDED_BY(mutex()){bus_};
    MemoryRegion ports_ = MemoryRegion::io("pm-smbus", SmbusHost::kSize, *this);
};

}  // namespace vmm
