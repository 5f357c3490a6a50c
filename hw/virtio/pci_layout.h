// Where things lie in a virtio function on PCI: capabilities, the BARs and the registers in them.
// Virtio 1.2, 4.1.4 and 4.1.4.8 (legacy). Header only.
#pragma once

#include <cstdint>

#include "util/align.h"

namespace vmm::virtio {

inline constexpr uint16_t kPciVendor = 0x1af4;
inline constexpr uint16_t kModernDeviceBase = 0x1040;
inline constexpr uint16_t kModernSubsystem = 0x1100;
inline constexpr uint16_t kNoVector = 0xffff;

// BARs.
inline constexpr unsigned kLegacyBar = 0, kMsixBar = 1, kModernBar = 4;

// The modern BAR.
inline constexpr uint32_t kCommonAt = 0x0, kIsrAt = 0x1000, kDeviceAt = 0x2000, kNotifyAt = 0x3000;
inline constexpr uint32_t kBlockSize = 0x1000;

// The MSI-X BAR: the table, then the pending bits in its upper half.
inline constexpr uint32_t kMsixBarSize = 0x1000, kMaxMsixVectors = 128;

// Types of the vendor capability.
enum class CapType : uint8_t { Common = 1, Notify = 2, Isr = 3, Device = 4, PciConfig = 5 };
inline constexpr unsigned kCapSize = 16;
// Offsets in it.
inline constexpr unsigned kCapLength = 2, kCapType = 3, kCapBar = 4, kCapOffset = 8, kCapSpan = 12,
                          kCapExtra = 16;

// Common configuration.
namespace common {
inline constexpr uint32_t kDeviceFeatureSelect = 0x00, kDeviceFeature = 0x04, kDriverFeatureSelect = 0x08,
                          kDriverFeature = 0x0c, kConfigVector = 0x10, kNumQueues = 0x12, kStatus = 0x14,
                          kGeneration = 0x15, kQueueSelect = 0x16, kQueueSize = 0x18, kQueueVector = 0x1a,
                          kQueueEnable = 0x1c, kQueueNotifyOff = 0x1e, kQueueDesc = 0x20, kQueueDriver = 0x28,
                          kQueueDevice = 0x30, kQueueNotifyData = 0x38, kQueueReset = 0x3a, kEnd = 0x3c;
}

// Legacy header; the device's configuration follows, after the vectors when MSI-X is on.
namespace legacy {
inline constexpr uint32_t kHostFeatures = 0, kGuestFeatures = 4, kQueueFrame = 8, kQueueSize = 12,
                          kQueueSelect = 14, kNotify = 16, kStatus = 18, kIsr = 19, kConfigVector = 20,
                          kQueueVector = 22, kConfig = 20, kConfigWithMsix = 24;
inline constexpr uint64_t kFrame = 4096;  // of the queue address, and the alignment of the used ring
}  // namespace legacy

// ISR bits.
inline constexpr uint8_t kIsrQueue = 1, kIsrConfig = 2;

}  // namespace vmm::virtio
