// Numbers that every virtio device shares: device ids, feature bits, the status register, descriptor and ring
// flags. Virtio 1.2: 2.1, 2.2, 2.7, 2.8, 5 and 6. Header only.
#pragma once

#include <cstdint>

#include "util/bits.h"

namespace vmm::virtio {

enum class DeviceId : uint16_t {
    Net = 1,
    Block = 2,
    Console = 3,
    Entropy = 4,
    Balloon = 5,
    Scsi = 8,
    Input = 18,
};

// Feature bits of every device.
inline constexpr uint64_t kNotifyOnEmpty = bit(24);  // legacy
inline constexpr uint64_t kAnyLayout = bit(27);      // legacy
inline constexpr uint64_t kIndirect = bit(28);
inline constexpr uint64_t kEventIdx = bit(29);
inline constexpr uint64_t kVersion1 = bit(32);
inline constexpr uint64_t kAccessPlatform = bit(33);
inline constexpr uint64_t kRingPacked = bit(34);
inline constexpr uint64_t kRingReset = bit(40);
// What a legacy driver can see.
inline constexpr uint64_t kLegacyFeatures = 0xffffffff;

// Device status.
inline constexpr uint8_t kAcknowledge = 1;
inline constexpr uint8_t kDriver = 2;
inline constexpr uint8_t kDriverOk = 4;
inline constexpr uint8_t kFeaturesOk = 8;
inline constexpr uint8_t kNeedsReset = 64;
inline constexpr uint8_t kFailed = 128;

// Descriptors, both formats.
inline constexpr uint16_t kDescNext = 1;
inline constexpr uint16_t kDescWrite = 2;
inline constexpr uint16_t kDescIndirect = 4;
// Packed rings only.
inline constexpr uint16_t kDescAvail = 1u << 7;
inline constexpr uint16_t kDescUsed = 1u << 15;

// Split rings: flags of the two rings.
inline constexpr uint16_t kAvailNoInterrupt = 1;
inline constexpr uint16_t kUsedNoNotify = 1;
// Packed rings: flags of the event areas.
inline constexpr uint16_t kEventEnable = 0;
inline constexpr uint16_t kEventDisable = 1;
inline constexpr uint16_t kEventDescriptor = 2;

// The largest ring, and the most descriptors of one buffer, indirect ones counted.
inline constexpr uint16_t kMaxQueueSize = 1024;
inline constexpr unsigned kMaxSegments = 1024;

}  // namespace vmm::virtio
