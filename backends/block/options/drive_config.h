// DriveConfig: one -drive, read and checked, before anything is opened; parse_drive() makes it from the
// option's keys. What a drive's image needs is kept as BlockdevOptions. Pure, but for looking whether a file
// name is a device.
#pragma once

#include <optional>
#include <string>

#include "backends/block/handle.h"
#include "backends/block/throttle.h"
#include "qapi/types_block.h"
#include "qapi/value.h"
#include "util/result.h"

namespace vmm::block {

enum class DriveInterface : uint8_t { None, Ide, Scsi, Virtio, Pflash };

struct DriveConfig {
    std::string id;
    DriveInterface interface = DriveInterface::Ide;
    bool cdrom = false;
    std::optional<unsigned> index, bus, unit;
    OnError rerror = OnError::Auto, werror = OnError::Auto;
    bool write_cache = true;
    bool snapshot = false;
    bool read_only = false;
    ThrottleConfig throttle;
    std::string throttle_group;  // empty: one of its own

    // The image: `image` when its format was given; else `file` is to be asked for it and `rest` holds the
    // image's other options. Neither: no medium.
    std::optional<qapi::BlockdevOptions> image, file;
    qapi::Dict rest;
    std::string filename;  // as written, for messages
};

// The keys of -drive, flat as written ("file.driver"). `media_default`: what -cdrom and -hda ask for.
Result<DriveConfig> parse_drive(const qapi::Dict& options);

// A file name with a protocol in front ("null-co://", "blkdebug:rules:disk.img", "json:{...}") or a path, as
// the options of a node.
Result<qapi::Dict> parse_filename(const std::string& name);

}  // namespace vmm::block
