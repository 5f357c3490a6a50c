// JobList: the jobs of the process by name. Tells who asks of their changes, holds them all while the graph
// is drained, ends them with the process. Main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/block/drain.h"
#include "backends/block/jobs/job.h"

namespace vmm::block {

class JobList final : public GraphWorker {
  public:
    // Both outlive the list.
    JobList(BlockGraph& graph, JobEvents& events);
    // Cancels them all.
    ~JobList() override;

    // Starts the job. Refused when its id is taken or no id; the work's clean() is called then, too.
    Result<LongJob*> start(JobConfig config, std::unique_ptr<JobWork> work);
    LongJob* find(const std::string& id) const;
    const std::vector<std::unique_ptr<LongJob>>& jobs() const { return jobs_; }
    BlockGraph& graph() { return graph_; }
    JobEvents& events() { return events_; }
    // What start() would refuse.
    Status check_id(const std::string& id) const;
    void end_all();

    void hold() override;
    void let_go() override;

  private:
    friend class LongJob;
    void remove(LongJob& job);
    LongJob* find(uint64_t serial) const;

    BlockGraph& graph_;
    JobEvents& events_;
    std::vector<std::unique_ptr<LongJob>> jobs_;
    unsigned holds_ = 0;
    uint64_t last_serial_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vmm::block
