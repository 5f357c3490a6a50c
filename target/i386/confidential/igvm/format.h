// Numbers of the IGVM file format (microsoft/igvm, igvm_defs; versions 1 and 2). Header only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vmm::igvm {

inline constexpr uint32_t kMagic = 0x4d564749;  // "IGVM"
inline constexpr size_t kFixedHeaderV1 = 24;
inline constexpr size_t kFixedHeaderV2 = 32;  // with architecture and page size
inline constexpr uint32_t kArchitectureX64 = 0;

// Types of variable headers, in three ranges that follow each other in a file.
enum class HeaderType : uint32_t {
    SupportedPlatform = 0x1,
    GuestPolicy = 0x101,
    RelocatableRegion = 0x102,
    PageTableRelocation = 0x103,
    ParameterArea = 0x301,
    PageData = 0x302,
    ParameterInsert = 0x303,
    VpContext = 0x304,
    RequiredMemory = 0x305,
    VpCount = 0x307,
    Srat = 0x308,
    Madt = 0x309,
    MmioRanges = 0x30a,
    SnpIdBlock = 0x30b,
    MemoryMap = 0x30c,
    ErrorRange = 0x30d,
    CommandLine = 0x30e,
    Slit = 0x30f,
    Pptt = 0x310,
    VbsMeasurement = 0x311,
    DeviceTree = 0x312,
    EnvironmentInfo = 0x313,
};
inline constexpr uint32_t kMayBeSkipped = 1u << 31;
inline constexpr uint32_t kLastPlatformType = 0x100;
inline constexpr uint32_t kLastInitType = 0x200;
inline constexpr uint32_t kLastDirectiveType = 0x400;

// Bits of PAGE_DATA's flags.
inline constexpr uint32_t kPage2MiB = 1u << 0;
inline constexpr uint32_t kPageUnmeasured = 1u << 1;
inline constexpr uint32_t kPageShared = 1u << 2;
inline constexpr uint64_t kLargePage = 2u << 20;

// Entries of a MEMORY_MAP parameter.
inline constexpr size_t kMemoryMapEntrySize = 24;

}  // namespace vmm::igvm
