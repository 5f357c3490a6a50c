// IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data: 256 words that say what a drive is. ATA8-ACS, 7.16 and
// 7.17. Pure functions of DriveIdentity and DriveSettings.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "hw/block/geometry.h"

namespace vmm::ata {

struct DriveIdentity {
    std::string serial;              // up to 20 characters
    std::string version = "2.5+";    // firmware revision, up to 8
    std::string model;               // up to 40
    uint64_t wwn = 0;                // 0: none
    uint64_t sectors = 0;            // of 512 bytes
    uint32_t physical_sector = 512;  // bytes
    uint16_t rotation_rate = 0;      // 0: not said; 1: does not rotate
    bool trim = false;
    Geometry geometry;  // at power-on
};

// What a host has set.
struct DriveSettings {
    Geometry geometry;      // INITIALIZE DEVICE PARAMETERS
    uint8_t multiple = 16;  // SET MULTIPLE MODE; 0: off
    bool write_cache = true;
    bool look_ahead = true;
    bool smart = true;
    // SET FEATURES: the chosen transfer mode as a bit of its class; 0: not that class.
    uint8_t single_word_dma = 0;
    uint8_t multi_word_dma = 0;
    uint8_t ultra_dma = 0x20;  // mode 5
};

inline constexpr unsigned kMostMultiple = 16;
inline constexpr unsigned kMostTrimBlocks = 64;  // 512-byte lists of one DATA SET MANAGEMENT

using IdentifyData = std::array<uint8_t, 512>;
IdentifyData identify_disk(const DriveIdentity& identity, const DriveSettings& settings);
IdentifyData identify_packet_drive(const DriveIdentity& identity, const DriveSettings& settings);

}  // namespace vmm::ata
