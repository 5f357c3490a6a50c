// What the monitor's commands that change the graph of a running machine do: snapshots, transactions, images
// made and copied by jobs. Over the schema's types; system/control registers them. Main thread, no lock held.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/block/jobs/block_jobs.h"
#include "backends/block/jobs/job_list.h"
#include "backends/block/options/open.h"
#include "qapi/types_block_jobs.h"
#include "util/result.h"

namespace vmm::block {

// A node by its name, or a drive's medium by the drive's id.
Result<Node*> find_node(const BlockGraph& graph, const std::string& name);

// snapshot.cc: one action of a transaction. All three inside one drained section.
class GraphAction {
  public:
    virtual ~GraphAction() = default;
    // Does it, so that abort() can still take it back.
    virtual Status prepare() = 0;
    virtual void abort() = 0;
    virtual void commit() {}
};
Status transact(const BlockEnv& env, const std::vector<qapi::TransactionAction>& actions);
Status snapshot(const BlockEnv& env, const qapi::BlockdevSnapshot& options);
Status snapshot_sync(const BlockEnv& env, const qapi::BlockdevSnapshotSync& options);

// reopen.cc: blockdev-reopen.
Status reopen_blockdevs(const BlockEnv& env, const std::vector<qapi::BlockdevOptions>& options);

// create_image.cc
Status create_image(const BlockEnv& env, JobList& jobs, const qapi::BlockdevCreateArguments& options);

// start_jobs.cc
Status block_commit(const BlockEnv& env, JobList& jobs, const qapi::BlockCommitArguments& options);
Status block_stream(const BlockEnv& env, JobList& jobs, const qapi::BlockStreamArguments& options);
Status blockdev_mirror(const BlockEnv& env, JobList& jobs, const qapi::BlockdevMirrorArguments& options);
Status blockdev_backup(const BlockEnv& env, JobList& jobs, const qapi::BlockdevBackup& options);
Status change_backing_file(const BlockEnv& env, const qapi::ChangeBackingFileArguments& options);

// job_info.cc
std::vector<qapi::JobInfo> query_jobs(const JobList& jobs);
std::vector<qapi::BlockJobInfo> query_block_jobs(const JobList& jobs);
qapi::JobType type_of(const LongJob& job);
qapi::JobStatus status_of(const LongJob& job);
// The job that a command names; `block`: only one that works with block nodes.
Result<LongJob*> find_job(const JobList& jobs, const std::string& id);
Result<LongJob*> find_block_job(const JobList& jobs, const std::string& id);

}  // namespace vmm::block
