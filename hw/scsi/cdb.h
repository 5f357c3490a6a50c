// Command descriptor blocks: operation codes, lengths and where the fields that many commands share are.
// Nothing is judged here but the length. SPC-4, 4.3; SBC-3, 5; MMC-6, 6. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace vmm::scsi {

// A CDB as it came: at most 16 bytes, zeros behind its end.
using Cdb = std::array<uint8_t, 16>;

enum Opcode : uint8_t {
    kTestUnitReady = 0x00,
    kRezeroUnit = 0x01,
    kRequestSense = 0x03,
    kFormatUnit = 0x04,
    kRead6 = 0x08,
    kWrite6 = 0x0a,
    kSeek6 = 0x0b,
    kInquiry = 0x12,
    kModeSelect6 = 0x15,
    kReserve6 = 0x16,
    kRelease6 = 0x17,
    kModeSense6 = 0x1a,
    kStartStopUnit = 0x1b,
    kSendDiagnostic = 0x1d,
    kPreventAllowRemoval = 0x1e,
    kReadCapacity10 = 0x25,
    kRead10 = 0x28,
    kWrite10 = 0x2a,
    kSeek10 = 0x2b,
    kWriteVerify10 = 0x2e,
    kVerify10 = 0x2f,
    kSynchronizeCache10 = 0x35,
    kWriteSame10 = 0x41,
    kUnmap = 0x42,
    kReadToc = 0x43,
    kGetConfiguration = 0x46,
    kGetEventStatus = 0x4a,
    kReadDiscInformation = 0x51,
    kReadTrackInformation = 0x52,
    kModeSelect10 = 0x55,
    kReserve10 = 0x56,
    kRelease10 = 0x57,
    kModeSense10 = 0x5a,
    kPersistentReserveIn = 0x5e,
    kPersistentReserveOut = 0x5f,
    kRead16 = 0x88,
    kWrite16 = 0x8a,
    kWriteVerify16 = 0x8e,
    kVerify16 = 0x8f,
    kSynchronizeCache16 = 0x91,
    kWriteSame16 = 0x93,
    kServiceActionIn16 = 0x9e,
    kReportLuns = 0xa0,
    kRead12 = 0xa8,
    kWrite12 = 0xaa,
    kReadDvdStructure = 0xad,
    kWriteVerify12 = 0xae,
    kVerify12 = 0xaf,
    kReadCdMsf = 0xb9,
    kSetCdSpeed = 0xbb,
    kMechanismStatus = 0xbd,
    kReadCd = 0xbe,
};

// Service action of kServiceActionIn16.
inline constexpr uint8_t kReadCapacity16Action = 0x10;

// Bytes of a CDB with this operation code; 0 for the groups whose length no standard fixes.
unsigned cdb_length(uint8_t opcode);

// The fields of medium access commands (READ, WRITE, VERIFY, WRITE SAME, SYNCHRONIZE CACHE), by group.
// READ(6) and WRITE(6) with length 0 mean 256 blocks.
struct Extent {
    uint64_t lba = 0;
    uint32_t blocks = 0;
    bool operator==(const Extent&) const = default;
};
Extent cdb_extent(const Cdb& cdb);
// The allocation or parameter list length, by group; for commands that have it in the usual place.
uint32_t cdb_allocation(const Cdb& cdb);

}  // namespace vmm::scsi
