// Replies of multimedia commands: table of contents, features and profiles, disc information, events. MMC-6.
// Pure; hw/scsi/cd.h says when they are given.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "hw/scsi/cdb.h"
#include "hw/scsi/sense.h"

namespace vmm::scsi {

using MmcReply = std::variant<std::vector<uint8_t>, Sense>;

inline constexpr uint32_t kCdSector = 2048;
inline constexpr uint32_t kRawSector = 2352;
// More sectors than any CD has: it is a DVD.
inline constexpr uint64_t kLargestCd = 80 * 60 * 75;

// One data track over the whole disc, as READ TOC/PMA/ATIP tells it. `sectors` > 0.
MmcReply read_toc(const Cdb& cdb, uint64_t sectors);
// GET CONFIGURATION. 0 sectors: no medium.
struct DriveFeatures {
    bool packet_interface = false;
    bool locked = false;
    uint64_t sectors = 0;
};
MmcReply get_configuration(const Cdb& cdb, const DriveFeatures& drive);
MmcReply read_disc_information(const Cdb& cdb);
MmcReply read_track_information(const Cdb& cdb, uint64_t sectors);
std::vector<uint8_t> mechanism_status(bool tray_open);
MmcReply read_dvd_structure(const Cdb& cdb, uint64_t sectors);

// What happened to the medium since the last GET EVENT STATUS NOTIFICATION.
enum class MediaEvent : uint8_t { None = 0, EjectRequest = 1, NewMedia = 2, MediaRemoval = 3 };
MmcReply event_status(const Cdb& cdb, MediaEvent event, bool tray_open, bool medium);

// The 2352 bytes of a mode 1 sector; only the user data are true, the check bytes are zero.
void raw_sector(uint64_t lba, std::span<const uint8_t> user_data, std::span<uint8_t> into);

}  // namespace vmm::scsi
