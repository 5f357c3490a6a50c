// Which byte of the CMOS RAM says what: the clock's registers, and what the board leaves there for firmware
// (memory sizes, boot order). Pure: sizes -> bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace vmm::cmos {

enum Byte : uint8_t {
    kSeconds = 0x00,
    kSecondsAlarm = 0x01,
    kMinutes = 0x02,
    kMinutesAlarm = 0x03,
    kHours = 0x04,
    kHoursAlarm = 0x05,
    kDayOfWeek = 0x06,
    kDayOfMonth = 0x07,
    kMonth = 0x08,
    kYear = 0x09,
    kRegA = 0x0a,
    kRegB = 0x0b,
    kRegC = 0x0c,
    kRegD = 0x0d,
    kShutdownStatus = 0x0f,
    kFloppyTypes = 0x10,
    kEquipment = 0x14,
    kBaseMemory = 0x15,       // KiB below 640, two bytes
    kExtendedMemory = 0x17,   // KiB above 1 MiB, at most 63 MiB worth, two bytes
    kExtendedMemory2 = 0x30,  // the same again
    kCentury = 0x32,          // BCD
    kMemoryAbove16M = 0x34,   // 64 KiB units above 16 MiB, two bytes
    kBootDevice3 = 0x38,      // high nibble: third boot device; bit 0: no floppy signature check
    kBootDevices = 0x3d,      // low nibble first, high nibble second
    kMemoryAbove4G = 0x5b,    // 64 KiB units, three bytes
};

inline constexpr unsigned kBytes = 128;
// The number of CPUs besides the first that firmware waits for.
inline constexpr unsigned kFurtherCpus = 0x5f;

// What firmware reads the RAM's size from.
inline void store_memory_sizes(std::array<uint8_t, kBytes>& ram, uint64_t below_4g, uint64_t above_4g) {
    auto put16 = [&ram](unsigned at, uint64_t value) {
        ram[at] = static_cast<uint8_t>(value);
        ram[at + 1] = static_cast<uint8_t>(value >> 8);
    };
    put16(kBaseMemory, std::min<uint64_t>(below_4g >> 10, 640));
    uint64_t above_1m = below_4g > (1u << 20) ? std::min<uint64_t>((below_4g >> 10) - 1024, 65535) : 0;
    put16(kExtendedMemory, above_1m);
    put16(kExtendedMemory2, above_1m);
    uint64_t above_16m = below_4g > (16u << 20) ? std::min<uint64_t>((below_4g >> 16) - 256, 65535) : 0;
    put16(kMemoryAbove16M, above_16m);
    uint64_t high = above_4g >> 16;
    put16(kMemoryAbove4G, high);
    ram[kMemoryAbove4G + 2] = static_cast<uint8_t>(high >> 16);
}

// Codes of boot devices: 1 floppy, 2 hard disk, 3 CD-ROM, 4 network; 0 none.
inline void store_boot_order(std::array<uint8_t, kBytes>& ram, std::array<uint8_t, 3> order,
                             bool floppy_check) {
    ram[kBootDevices] = static_cast<uint8_t>((order[1] << 4) | (order[0] & 0xf));
    ram[kBootDevice3] = static_cast<uint8_t>((order[2] << 4) | (floppy_check ? 0 : 1));
}

}  // namespace vmm::cmos
