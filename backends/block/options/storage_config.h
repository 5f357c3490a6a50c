// StorageConfig: everything that the command line says of the host's side of disks, read and checked. Plain
// data.
#pragma once

#include <string>
#include <vector>

#include "backends/block/options/drive_config.h"
#include "backends/block/throttle.h"
#include "backends/iothread/iothread.h"
#include "qapi/types_block.h"

namespace vmm::block {

struct ThrottleGroupConfig {
    std::string id;
    ThrottleConfig limits;
};

struct StorageConfig {
    std::vector<IoThreadConfig> iothreads;
    std::vector<ThrottleGroupConfig> throttle_groups;
    std::vector<qapi::BlockdevOptions> nodes;  // -blockdev, in order
    std::vector<DriveConfig> drives;           // with an id each
};

}  // namespace vmm::block
