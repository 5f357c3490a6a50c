// The numbers by which guests know the q35's own PCI functions. Drivers and measured boots depend on them.
// Header only.
#pragma once

#include <cstdint>

#include "hw/pci/address.h"

namespace vmm {

inline constexpr uint16_t kIntelVendor = 0x8086;
inline constexpr uint16_t kQ35MchDevice = 0x29c0;
inline constexpr uint16_t kIch9LpcDevice = 0x2918;
inline constexpr uint16_t kIch9SmbusDevice = 0x2930;
inline constexpr uint8_t kIch9Revision = 2;  // stepping A2
// Subsystem of everything a virtual board has soldered on.
inline constexpr uint16_t kBoardSubsystemVendor = 0x1af4;
inline constexpr uint16_t kBoardSubsystem = 0x1100;

inline constexpr pci::DevFn kMchAddress = {0x00, 0};
inline constexpr pci::DevFn kLpcAddress = {0x1f, 0};
inline constexpr pci::DevFn kSmbusAddress = {0x1f, 3};

}  // namespace vmm
