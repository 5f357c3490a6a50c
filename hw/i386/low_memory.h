// Who has which place below 1 MiB when a kernel is entered without firmware. Only the direct-boot code puts
// things there; the kernel finds them by pointers, except the RSDP and the BIOS area, which it scans.
#pragma once

#include <cstdint>

#include "util/align.h"

namespace vmm::low_memory {

inline constexpr uint64_t kEbdaPointer = 0x40e;  // BIOS data area: segment of the EBDA
inline constexpr uint64_t kGdt = 0x500;
inline constexpr uint64_t kStartInfo = 0x6000;  // PVH: start info, modules, memory map
inline constexpr uint64_t kZeroPage = 0x7000;
inline constexpr uint64_t kStackTop = 0x8ff0;
inline constexpr uint64_t kPageTables = 0x9000;  // six pages
inline constexpr uint64_t kCommandLine = 0x20000;
inline constexpr uint64_t kMaxCommandLine = 64 * kKiB;  // with the final zero
inline constexpr uint64_t kEbda = 0x9fc00;              // to 640 KiB
inline constexpr uint64_t kVideo = 0xa0000;
inline constexpr uint64_t kRsdp = 0xe0000;      // where also those look who do not know of the EBDA
inline constexpr uint64_t kBiosArea = 0xf0000;  // SMBIOS anchor and tables
// Multiboot: what stands in for firmware, up to where a processor begins.
inline constexpr uint64_t kFirmwareCode = 0xffe00, kFirmwareEnd = 0xffff0;

}  // namespace vmm::low_memory
