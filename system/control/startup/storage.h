// Storage: the host's side of all disks of the process - the block graph, its drives, throttle groups and
// iothreads - and what their errors do to the machine. Made before the machine, ends after it. Main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/block/graph.h"
#include "backends/block/jobs/job_list.h"
#include "backends/block/options/open.h"
#include "backends/block/options/storage_config.h"
#include "backends/iothread/iothread.h"
#include "system/control/startup/job_events.h"
#include "system/control/startup/storage_events.h"
#include "system/run/run_control.h"

namespace vmm {

class Storage final : public RunListener {
  public:
    // The loop is the main thread's. What file names of descriptor sets mean; may be null.
    static Result<std::unique_ptr<Storage>> create(EventLoop& loop, const FdStore* descriptors);
    Storage(std::unique_ptr<block::IoContext> context, std::unique_ptr<StorageEvents> events);
    ~Storage() override;

    // The machine runs again: what an error held up is tried once more.
    void run_changed(bool running, RunState) override {
        if (running) graph_.resume_all();
    }
    // The device of a drive was unplugged: a drive of -drive goes with it.
    void device_gone(const std::string& drive);

    // Everything that the command line names; opens files.
    Status open(const block::StorageConfig& config);
    // Its iothreads and throttle groups only.
    Status add_objects(const block::StorageConfig& config);
    // That nothing is bound to.
    Status remove_iothread(const std::string& id);

    block::BlockGraph& graph() { return graph_; }
    block::JobList& jobs() { return jobs_; }
    JobReports& job_reports() { return job_reports_; }
    block::ThrottleGroups& groups() { return groups_; }
    block::BlockEnv env() { return {graph_, groups_}; }
    StorageEvents& events() { return *events_; }
    IoThread* find_iothread(const std::string& id) const;
    const std::vector<std::unique_ptr<IoThread>>& iothreads() const { return iothreads_; }

  private:
    // What is used outlives its users: threads, groups, then the graph.
    std::unique_ptr<block::IoContext> context_;
    std::unique_ptr<StorageEvents> events_;
    std::vector<std::unique_ptr<IoThread>> iothreads_;
    block::ThrottleGroups groups_;
    block::BlockGraph graph_;
    JobReports job_reports_;
    block::JobList jobs_{graph_, job_reports_};
};

}  // namespace vmm
