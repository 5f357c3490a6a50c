// Frame information structures of Serial ATA: what goes between an HBA and a drive, as bytes in guest memory.
// SATA 3.0, 10.5; AHCI 1.3.1, 4.2.1. Pure.
#pragma once

#include <array>
#include <cstdint>

namespace vmm::ata {

enum FisType : uint8_t {
    kRegisterH2D = 0x27,
    kRegisterD2H = 0x34,
    kDmaSetup = 0x41,
    kPioSetup = 0x5f,
    kSetDeviceBits = 0xa1,
};

enum StatusBit : uint8_t {
    kErr = 0x01,
    kDrq = 0x08,
    kSeekComplete = 0x10,
    kDriveFault = 0x20,
    kReady = 0x40,
    kBusy = 0x80,
};
inline constexpr uint8_t kGoodStatus = kReady | kSeekComplete;
enum ErrorBit : uint8_t {
    kAborted = 0x04,
    kIdNotFound = 0x10,
    kUncorrectable = 0x40,
    kInterfaceCrc = 0x80,
};
inline constexpr uint8_t kDeviceLba = 0x40;  // in the device register: LBA rather than CHS

// The registers that a host gives with a command, taken out of a host-to-device FIS.
struct HostRegisters {
    uint8_t command = 0;
    uint8_t device = 0;
    uint8_t control = 0;
    uint16_t feature = 0;
    uint16_t count = 0;
    uint64_t lba = 0;  // 48 bits
};
// The registers that a drive gives back.
struct DriveRegisters {
    uint8_t status = kGoodStatus;
    uint8_t error = 0;
    uint8_t device = 0;
    uint16_t count = 0;
    uint64_t lba = 0;
};

using HostFis = std::array<uint8_t, 20>;
HostRegisters host_registers(const HostFis& fis);
// The C bit: a command; clear: the control register alone.
constexpr bool is_command(const HostFis& fis) {
    return (fis[1] & 0x80) != 0;
}

enum class Interrupt : bool { No, Yes };
enum class PioDirection : bool { ToDrive, FromDrive };
std::array<uint8_t, 20> register_fis(const DriveRegisters& registers, Interrupt interrupt);
// `bytes` of one DRQ block; the status that follows it.
std::array<uint8_t, 20> pio_setup_fis(const DriveRegisters& registers, Interrupt interrupt,
                                      PioDirection direction, uint16_t bytes, uint8_t end_status);
std::array<uint8_t, 8> set_device_bits_fis(const DriveRegisters& registers, Interrupt interrupt,
                                           uint32_t finished);

}  // namespace vmm::ata
