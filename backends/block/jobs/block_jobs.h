// The jobs on block nodes: each function checks, prepares the graph and gives the work for JobList::start().
// Nodes are the ones that people mean, no filters of jobs. Main thread, not drained.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backends/block/jobs/job_list.h"

namespace vmm::block {

// Refused while a job works with the node.
Status check_idle(const Node& node);

struct CommitConfig {
    std::optional<std::string> backing_file;  // what the image over `top` then says it lies on
    std::string backing_format;
};
// Moves what the images from `top` down to `base` have into `base`, which takes their place under `overlay`.
Result<std::unique_ptr<JobWork>> commit_work(BlockGraph& graph, Node& overlay, Node& top, Node& base,
                                             CommitConfig config);

struct StreamConfig {
    std::optional<std::string> backing_file;
};
// Moves what `node` lies on, down to `base` (null: all of it), into the node.
Result<std::unique_ptr<JobWork>> stream_work(BlockGraph& graph, Node& node, Node* base, StreamConfig config);

enum class CopyWhat : uint8_t { Full, Top, None };

struct MirrorConfig {
    CopyWhat what = CopyWhat::Full;
    uint64_t granularity = 0;  // bytes; 0: chosen
    bool write_blocking = false;
    bool into_backing = false;  // an active commit: the target is below the node
    std::string filter_name;
};
// Copies the node to the target and keeps the copy up to date until the job is completed, when the target
// takes the node's place; cancelled softly, it does not.
Result<std::unique_ptr<JobWork>> mirror_work(BlockGraph& graph, Node& node, Node& target,
                                             MirrorConfig config);

struct BackupConfig {
    CopyWhat what = CopyWhat::Full;
    std::string filter_name;
};
// Copies the node as it is now; guest writes wait until what they overwrite has been copied.
Result<std::unique_ptr<JobWork>> backup_work(BlockGraph& graph, Node& node, Node& target,
                                             BackupConfig config);

}  // namespace vmm::block
