// SmbusEeprom: 256 bytes behind one SMBus address, as memory modules carry them (SPD). The command byte sets
// the position, which moves on with every byte. Atmel AT24C02. Missing: write protection, page wrap.
// Thread: its controller's lock.
#pragma once

#include <array>
#include <cstdint>

#include "hw/i2c/smbus.h"

namespace vmm {

class SmbusEeprom final : public SmbusDevice {
  public:
    static constexpr unsigned kSize = 256;
    static constexpr uint8_t kFirstAddress = 0x50;

    explicit SmbusEeprom(const std::array<uint8_t, kSize>& bytes) : made_with_(bytes), bytes_(bytes) {}
    void select(uint8_t command) override { at_ = command; }
    void write(uint8_t value) override { bytes_[at_++] = value; }
    uint8_t read() override { return bytes_[at_++]; }
    // As it was made.
    void reset() {
        bytes_ = made_with_;
        at_ = 0;
    }

  private:
    const std::array<uint8_t, kSize> made_with_;
    std::array<uint8_t, kSize> bytes_;
    uint8_t at_ = 0;
};

}  // namespace vmm
