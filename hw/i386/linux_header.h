// Offsets in a bzImage and in the zero page (they agree for the setup header), and the flags used here. From
// the kernel's x86 boot protocol document.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vmm::linux_header {

// The setup header, at the same offset in the file and in the zero page.
inline constexpr size_t kSetupSectors = 0x1f1;
inline constexpr size_t kKernelParagraphs = 0x1f4;
inline constexpr size_t kBootFlag = 0x1fe;
inline constexpr size_t kJumpLength = 0x201;  // counted from kMagic
inline constexpr size_t kMagic = 0x202;
inline constexpr size_t kVersion = 0x206;
inline constexpr size_t kLoaderType = 0x210;
inline constexpr size_t kLoadFlags = 0x211;
inline constexpr size_t kCode32Start = 0x214;
inline constexpr size_t kRamdiskImage = 0x218;
inline constexpr size_t kRamdiskSize = 0x21c;
inline constexpr size_t kHeapEnd = 0x224;
inline constexpr size_t kCommandLinePointer = 0x228;
inline constexpr size_t kInitrdAddressMax = 0x22c;
inline constexpr size_t kAlignment = 0x230;
inline constexpr size_t kRelocatable = 0x234;
inline constexpr size_t kXloadFlags = 0x236;
inline constexpr size_t kCommandLineSize = 0x238;
inline constexpr size_t kSetupData = 0x250;
inline constexpr size_t kPreferredAddress = 0x258;
inline constexpr size_t kInitSize = 0x260;
inline constexpr size_t kMinimumEnd = 0x23c;         // through kCommandLineSize: protocol 2.06
inline constexpr size_t kZeroPageHeaderEnd = 0x290;  // room for it in the zero page

// The rest of the zero page.
inline constexpr size_t kAcpiRsdp = 0x70;
inline constexpr size_t kRamdiskImageHigh = 0xc0;
inline constexpr size_t kRamdiskSizeHigh = 0xc4;
inline constexpr size_t kE820Count = 0x1e8;
inline constexpr size_t kE820Table = 0x2d0;
inline constexpr size_t kE820Max = 128;

inline constexpr uint16_t kBootFlagMagic = 0xaa55;
inline constexpr uint32_t kHeaderMagic = 0x53726448;  // "HdrS"
inline constexpr uint8_t kLoadedHigh = 1u << 0;
inline constexpr uint8_t kCanUseHeap = 1u << 7;
inline constexpr uint16_t kXlfKernel64 = 1u << 0;
inline constexpr uint16_t kXlfAbove4G = 1u << 1;
inline constexpr uint8_t kUnknownLoader = 0xff;
inline constexpr uint32_t kSetupDataDtb = 2;
inline constexpr uint64_t kEntry64 = 0x200;

}  // namespace vmm::linux_header
