// An SMBus and the devices on it, as a host controller drives them: whole transfers, no wires. System
// Management Bus 2.0, 5.5. Devices are borrowed and outlive the bus's use.
// Thread: the controller calls with its own lock held; devices take none above a leaf.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace vmm {

class SmbusDevice {
  public:
    virtual ~SmbusDevice() = default;
    // Byte and block transfers are these, one byte each: the command byte, then data.
    virtual void select(uint8_t command) = 0;
    virtual void write(uint8_t value) = 0;
    virtual uint8_t read() = 0;
};

class Smbus {
  public:
    // 7-bit addresses.
    void attach(uint8_t address, SmbusDevice& device) { devices_[address & 0x7f] = &device; }
    // Null: nobody acknowledges.
    SmbusDevice* find(uint8_t address) const { return devices_[address & 0x7f]; }

  private:
    std::array<SmbusDevice*, 128> devices_ = {};
};

}  // namespace vmm
