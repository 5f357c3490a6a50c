// From options to nodes: what -blockdev, blockdev-add and -drive do once their text has been read. Opens
// files. Main thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "backends/block/graph.h"
#include "backends/block/options/drive_config.h"
#include "backends/block/throttle.h"
#include "qapi/types_block.h"
#include "util/result.h"

namespace vmm::block {

// The throttle groups of the process: throttle-group objects, and those that drives made for themselves.
class ThrottleGroups {
  public:
    Result<ThrottleGroup*> add(const std::string& name, const ThrottleConfig& config);
    ThrottleGroup* find(const std::string& name) const;
    Status remove(const std::string& name);

  private:
    std::map<std::string, std::unique_ptr<ThrottleGroup>> groups_;
};

struct BlockEnv {
    BlockGraph& graph;
    ThrottleGroups& groups;
};

// The checks that need no file: names, what excludes what, in the nodes inside too.
Status check_blockdev(const qapi::BlockdevOptions& options, bool name_required);

// -blockdev, blockdev-add.
Result<Node*> add_blockdev(const BlockEnv& env, const qapi::BlockdevOptions& options);

// The image of a drive, held until the drive takes it; nothing for an empty one.
Result<NodeRef> open_image(const BlockEnv& env, const DriveConfig& config);

// -drive: opens the image, asks it for its format where none was given, makes the drive.
Result<BlockHandle*> add_drive(const BlockEnv& env, const DriveConfig& config);

ThrottleConfig throttle_from_limits(const qapi::ThrottleLimits& limits);

}  // namespace vmm::block
