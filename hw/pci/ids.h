// Numbers of the PCI configuration header and of the capability ids we use. PCI Local Bus 3.0, chapter 6 and
// PCI Express Base 4.0, chapter 7. Header only.
#pragma once

#include <cstdint>

namespace vmm::pci {

inline constexpr unsigned kConventionalSize = 256;
inline constexpr unsigned kExpressSize = 4096;

// Offsets, header types 0 and 1.
inline constexpr unsigned kVendorId = 0x00;
inline constexpr unsigned kDeviceId = 0x02;
inline constexpr unsigned kCommand = 0x04;
inline constexpr unsigned kStatus = 0x06;
inline constexpr unsigned kRevision = 0x08;
inline constexpr unsigned kClassCode = 0x09;  // 3 bytes
inline constexpr unsigned kCacheLineSize = 0x0c;
inline constexpr unsigned kLatencyTimer = 0x0d;
inline constexpr unsigned kHeaderType = 0x0e;
inline constexpr unsigned kBar0 = 0x10;
inline constexpr unsigned kSubsystemVendorId = 0x2c;
inline constexpr unsigned kSubsystemId = 0x2e;
inline constexpr unsigned kExpansionRom = 0x30;
inline constexpr unsigned kCapabilities = 0x34;
inline constexpr unsigned kInterruptLine = 0x3c;
inline constexpr unsigned kInterruptPin = 0x3d;

// Header type 1 (bridges) only.
inline constexpr unsigned kPrimaryBus = 0x18;
inline constexpr unsigned kSecondaryBus = 0x19;
inline constexpr unsigned kSubordinateBus = 0x1a;
inline constexpr unsigned kSecondaryLatency = 0x1b;
inline constexpr unsigned kIoBase = 0x1c;
inline constexpr unsigned kIoLimit = 0x1d;
inline constexpr unsigned kSecondaryStatus = 0x1e;
inline constexpr unsigned kMemoryBase = 0x20;
inline constexpr unsigned kMemoryLimit = 0x22;
inline constexpr unsigned kPrefetchBase = 0x24;
inline constexpr unsigned kPrefetchLimit = 0x26;
inline constexpr unsigned kPrefetchBaseUpper = 0x28;
inline constexpr unsigned kPrefetchLimitUpper = 0x2c;
inline constexpr unsigned kBridgeExpansionRom = 0x38;
inline constexpr unsigned kBridgeControl = 0x3e;

inline constexpr uint16_t kBridgeControlIsa = 1u << 2;
inline constexpr uint16_t kBridgeControlVga = 1u << 3;
inline constexpr uint16_t kBridgeControlVga16 = 1u << 4;
inline constexpr uint16_t kBridgeControlReset = 1u << 6;

inline constexpr uint8_t kMultifunction = 0x80;  // in the header type
inline constexpr uint8_t kHeaderBridge = 0x01;

inline constexpr uint16_t kCommandIo = 1u << 0;
inline constexpr uint16_t kCommandMemory = 1u << 1;
inline constexpr uint16_t kCommandMaster = 1u << 2;
inline constexpr uint16_t kCommandParity = 1u << 6;
inline constexpr uint16_t kCommandSerr = 1u << 8;
inline constexpr uint16_t kCommandIntxOff = 1u << 10;

inline constexpr uint16_t kStatusInterrupt = 1u << 3;
inline constexpr uint16_t kStatusCapabilities = 1u << 4;
inline constexpr uint16_t kStatusErrors = 0xf900;  // cleared by writing ones

inline constexpr uint8_t kCapPowerManagement = 0x01;
inline constexpr uint8_t kCapSlotId = 0x04;
inline constexpr uint8_t kCapMsi = 0x05;
inline constexpr uint8_t kCapVendor = 0x09;
inline constexpr uint8_t kCapSubsystem = 0x0d;  // of bridges
inline constexpr uint8_t kCapExpress = 0x10;
inline constexpr uint8_t kCapMsix = 0x11;

inline constexpr uint16_t kExtCapErrorReporting = 0x0001;
inline constexpr uint16_t kExtCapAccessControl = 0x000d;

inline constexpr uint16_t kRedHatVendor = 0x1b36;

}  // namespace vmm::pci
