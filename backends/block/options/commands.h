// What the monitor's commands about drives and nodes do and answer, over the schema's types; system/control
// registers them. Main thread, no lock held.
#pragma once

#include <string>
#include <vector>

#include "backends/block/options/open.h"
#include "qapi/types_block_core.h"
#include "util/result.h"

namespace vmm::block {

// info.cc
std::vector<qapi::BlockInfo> query_block(const BlockGraph& graph);
std::vector<qapi::BlockDeviceInfo> query_named_block_nodes(const BlockGraph& graph, bool flat);
std::vector<qapi::BlockStats> query_blockstats(const BlockGraph& graph, bool nodes);

// The drive that a command names by its id or by its device; one of them has to be given.
Result<BlockHandle*> find_drive(const BlockGraph& graph, const std::optional<std::string>& device,
                                const std::optional<std::string>& id);

// medium.cc
Status open_tray(BlockHandle& drive, bool force);
Status close_tray(BlockHandle& drive);
Status remove_medium(BlockHandle& drive);
Status insert_medium(BlockGraph& graph, BlockHandle& drive, const std::string& node_name);
Status eject(BlockHandle& drive, bool force);
Status change_medium(const BlockEnv& env, BlockHandle& drive,
                     const qapi::BlockdevChangeMediumArguments& options);
Status resize(const BlockGraph& graph, const qapi::BlockResizeArguments& options);
Status set_write_threshold(const BlockGraph& graph, const qapi::BlockSetWriteThresholdArguments& options);
Status set_throttle(const BlockEnv& env, BlockHandle& drive, const qapi::BlockSetIoThrottleArguments& limits);
// drive_del of the monitor for people: the drive loses its name and its medium, whoever uses it.
Status delete_drive(BlockGraph& graph, const std::string& id);

}  // namespace vmm::block
