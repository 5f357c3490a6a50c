// Bytes of frames; see fis.h.
#include "hw/ata/fis.h"

#include <span>

#include "util/endian.h"

namespace vmm::ata {

namespace {

constexpr uint8_t kInterruptBit = 0x40;
constexpr uint8_t kFromDriveBit = 0x20;

void put_registers(std::span<uint8_t> fis, const DriveRegisters& r) {
    fis[2] = r.status;
    fis[3] = r.error;
    for (unsigned i = 0; i < 3; ++i) {
        fis[4 + i] = static_cast<uint8_t>(r.lba >> (8 * i));
        fis[8 + i] = static_cast<uint8_t>(r.lba >> (24 + 8 * i));
    }
    fis[7] = r.device;
    store_le<uint16_t>(&fis[12], r.count);
}

}  // namespace

HostRegisters host_registers(const HostFis& fis) {
    HostRegisters r;
    r.command = fis[2];
    r.device = fis[7];
    r.control = fis[15];
    r.feature = static_cast<uint16_t>(fis[3] | fis[11] << 8);
    r.count = load_le<uint16_t>(&fis[12]);
    r.lba = load_le_sized(&fis[4], 3) | load_le_sized(&fis[8], 3) << 24;
    return r;
}

std::array<uint8_t, 20> register_fis(const DriveRegisters& registers, Interrupt interrupt) {
    std::array<uint8_t, 20> fis{};
    fis[0] = kRegisterD2H;
    fis[1] = interrupt == Interrupt::Yes ? kInterruptBit : 0;
    put_registers(fis, registers);
    return fis;
}

std::array<uint8_t, 20> pio_setup_fis(const DriveRegisters& registers, Interrupt interrupt,
                                      PioDirection direction, uint16_t bytes, uint8_t end_status) {
    std::array<uint8_t, 20> fis{};
    fis[0] = kPioSetup;
    fis[1] = static_cast<uint8_t>((interrupt == Interrupt::Yes ? kInterruptBit : 0) |
                                  (direction == PioDirection::FromDrive ? kFromDriveBit : 0));
    put_registers(fis, registers);
    fis[2] = kGoodStatus | kDrq;
    fis[3] = 0;
    fis[15] = end_status;
    store_le<uint16_t>(&fis[16], bytes);
    return fis;
}

std::array<uint8_t, 8> set_device_bits_fis(const DriveRegisters& registers, Interrupt interrupt,
                                           uint32_t finished) {
    std::array<uint8_t, 8> fis{};
    fis[0] = kSetDeviceBits;
    fis[1] = interrupt == Interrupt::Yes ? kInterruptBit : 0;
    // BSY, DRQ and the bits beside them are not this frame's to change.
    fis[2] = registers.status & 0x77;
    fis[3] = registers.error;
    store_le<uint32_t>(&fis[4], finished);
    return fis;
}

}  // namespace vmm::ata
