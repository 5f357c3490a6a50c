// Mode parameters: what MODE SENSE shows and MODE SELECT may change. SPC-4, 6.11 and 7.5; SBC-3, 6.5;
// MMC-6, 7. Pure: bytes from a ModeState, and a changed ModeState from bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "hw/block/geometry.h"
#include "hw/scsi/cdb.h"
#include "hw/scsi/inquiry.h"
#include "hw/scsi/sense.h"

namespace vmm::scsi {

struct ModeState {
    DeviceType type = DeviceType::Disk;
    bool packet_interface = false;  // the medium type byte of ATAPI drives
    bool read_only = false;
    bool dpofua = false;
    bool write_cache = true;
    Geometry geometry;
    uint64_t blocks = 0;
    uint32_t block_size = 512;
    // CD.
    bool tray_open = false;
    bool locked = false;
    bool medium = false;
};

// MODE SENSE (6) and (10).
std::variant<std::vector<uint8_t>, Sense> mode_sense(const ModeState& state, const Cdb& cdb);
// The parameter list of MODE SELECT (6) or (10): the write cache as it shall be, or why not.
std::variant<bool, Sense> mode_select(const ModeState& state, const Cdb& cdb, std::span<const uint8_t> list);

}  // namespace vmm::scsi
