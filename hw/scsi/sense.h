// Sense data: why a SCSI command failed. Sense is the key with its additional code and qualifier; the bytes
// are made in fixed or descriptor format. Units and initiators use it. SPC-4, 4.5. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace vmm::scsi {

enum class SenseKey : uint8_t {
    NoSense = 0x0,
    NotReady = 0x2,
    MediumError = 0x3,
    HardwareError = 0x4,
    IllegalRequest = 0x5,
    UnitAttention = 0x6,
    DataProtect = 0x7,
    AbortedCommand = 0xb,
    Miscompare = 0xe,
};

struct Sense {
    SenseKey key = SenseKey::NoSense;
    uint8_t code = 0;       // ASC
    uint8_t qualifier = 0;  // ASCQ
    bool operator==(const Sense&) const = default;
};

inline constexpr Sense kNoSense{};
inline constexpr Sense kNoMedium{SenseKey::NotReady, 0x3a, 0x00};
inline constexpr Sense kNoMediumTrayOpen{SenseKey::NotReady, 0x3a, 0x02};
inline constexpr Sense kReadError{SenseKey::MediumError, 0x11, 0x00};
inline constexpr Sense kWriteError{SenseKey::MediumError, 0x0c, 0x00};
inline constexpr Sense kTargetFailure{SenseKey::HardwareError, 0x44, 0x00};
inline constexpr Sense kInvalidOpcode{SenseKey::IllegalRequest, 0x20, 0x00};
inline constexpr Sense kLbaOutOfRange{SenseKey::IllegalRequest, 0x21, 0x00};
inline constexpr Sense kInvalidField{SenseKey::IllegalRequest, 0x24, 0x00};
inline constexpr Sense kLunNotSupported{SenseKey::IllegalRequest, 0x25, 0x00};
inline constexpr Sense kInvalidParameter{SenseKey::IllegalRequest, 0x26, 0x00};
inline constexpr Sense kInvalidParameterValue{SenseKey::IllegalRequest, 0x26, 0x02};
inline constexpr Sense kParameterLength{SenseKey::IllegalRequest, 0x1a, 0x00};
inline constexpr Sense kIncompatibleFormat{SenseKey::IllegalRequest, 0x30, 0x02};
inline constexpr Sense kSavingNotSupported{SenseKey::IllegalRequest, 0x39, 0x00};
inline constexpr Sense kRemovalPrevented{SenseKey::IllegalRequest, 0x53, 0x02};
inline constexpr Sense kIllegalTrackMode{SenseKey::IllegalRequest, 0x64, 0x00};
inline constexpr Sense kMediumMayHaveChanged{SenseKey::UnitAttention, 0x28, 0x00};
inline constexpr Sense kPowerOnReset{SenseKey::UnitAttention, 0x29, 0x00};
inline constexpr Sense kBusReset{SenseKey::UnitAttention, 0x29, 0x02};
inline constexpr Sense kDeviceReset{SenseKey::UnitAttention, 0x29, 0x03};
inline constexpr Sense kModeParametersChanged{SenseKey::UnitAttention, 0x2a, 0x01};
inline constexpr Sense kCapacityChanged{SenseKey::UnitAttention, 0x2a, 0x09};
inline constexpr Sense kReportedLunsChanged{SenseKey::UnitAttention, 0x3f, 0x0e};
inline constexpr Sense kWriteProtected{SenseKey::DataProtect, 0x27, 0x00};
inline constexpr Sense kSpaceAllocationFailed{SenseKey::DataProtect, 0x27, 0x07};
inline constexpr Sense kIoProcessTerminated{SenseKey::AbortedCommand, 0x00, 0x06};
inline constexpr Sense kMiscompare{SenseKey::Miscompare, 0x1d, 0x00};

enum class SenseFormat { Fixed, Descriptor };

// 18 bytes (fixed) or 8 (descriptor, with no descriptors).
std::vector<uint8_t> sense_bytes(Sense sense, SenseFormat format);

}  // namespace vmm::scsi
