// SmbusHost: the registers of Intel's SMBus host controller (32 I/O ports): the protocols quick, byte, byte
// data, word data, process call, block and I2C read, done at once when the start bit is written. Intel ICH9
// datasheet, 18.2. The PCI function around it is hw/i386/smbus_ich9.
//
// Missing: the slave half, alerts, packet error codes (bytes are never lost here), SMIs.
// State only: the owner locks, and drives its pin as level() says.
#pragma once

#include <array>
#include <cstdint>

#include "hw/i2c/smbus.h"

namespace vmm {

class SmbusHost {
  public:
    static constexpr uint64_t kSize = 64;
    // Offsets.
    static constexpr unsigned kStatus = 0x00, kControl = 0x02, kCommand = 0x03, kAddress = 0x04,
                              kData0 = 0x05, kData1 = 0x06, kBlock = 0x07, kAuxControl = 0x0d;
    // Status.
    static constexpr uint8_t kBusy = 1u << 0, kDone = 1u << 1, kDeviceError = 1u << 2, kFailed = 1u << 4,
                             kInUse = 1u << 6, kByteDone = 1u << 7;
    // Control.
    static constexpr uint8_t kInterruptEnable = 1u << 0, kKill = 1u << 1, kLastByte = 1u << 5,
                             kStart = 1u << 6;
    // Auxiliary control: whole blocks through a buffer of 32 bytes.
    static constexpr uint8_t kBlockBuffer = 1u << 1;

    enum class Protocol : uint8_t { Quick, Byte, ByteData, WordData, ProcessCall, Block, I2cRead, BlockCall };

    // The bus outlives it.
    explicit SmbusHost(Smbus& bus) : bus_(bus) {}

    // One byte register.
    uint8_t read(unsigned offset);
    void write(unsigned offset, uint8_t value);
    bool level() const;
    void reset();

  private:
    void transfer();
    bool run(SmbusDevice& device, Protocol protocol, bool reading);
    void run_block(SmbusDevice& device, bool reading);
    uint8_t block_data();
    // Byte by byte: the driver took or gave one and wants the next.
    void next_byte();

    static constexpr unsigned kBlockSize = 32;
    Smbus& bus_;
    uint8_t status_ = 0;
    uint8_t control_ = 0;
    uint8_t command_ = 0;
    uint8_t address_ = 0;
    uint8_t data0_ = 0;
    uint8_t data1_ = 0;
    uint8_t aux_control_ = 0;
    std::array<uint8_t, kBlockSize> block_ = {};
    unsigned index_ = 0;             // into block_
    SmbusDevice* stream_ = nullptr;  // a block goes on byte by byte
    bool stream_reads_ = false;
};

}  // namespace vmm
