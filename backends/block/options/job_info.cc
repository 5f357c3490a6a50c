// Answers about jobs; see graph_commands.h.
#include <algorithm>

#include "backends/block/options/graph_commands.h"

namespace vmm::block {

namespace {

int64_t number(uint64_t value) {
    return static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX));
}

}  // namespace

qapi::JobType type_of(const LongJob& job) {
    switch (job.config().type) {
        case JobType::Commit:
            return qapi::JobType::Commit;
        case JobType::Stream:
            return qapi::JobType::Stream;
        case JobType::Mirror:
            return qapi::JobType::Mirror;
        case JobType::Backup:
            return qapi::JobType::Backup;
        case JobType::Create:
            return qapi::JobType::Create;
    }
    UNREACHABLE();
}

qapi::JobStatus status_of(const LongJob& job) {
    static_assert(static_cast<int>(qapi::JobStatus::Null) == static_cast<int>(JobStatus::Null));
    static_assert(static_cast<int>(qapi::JobStatus::Pending) == static_cast<int>(JobStatus::Pending));
    return static_cast<qapi::JobStatus>(job.status());
}

std::vector<qapi::JobInfo> query_jobs(const JobList& jobs) {
    std::vector<qapi::JobInfo> all;
    for (const auto& job : jobs.jobs()) {
        qapi::JobInfo info{};
        info.id = job->id();
        info.type = type_of(*job);
        info.status = status_of(*job);
        info.current_progress = number(job->done());
        info.total_progress = number(job->total());
        if (!job->error().empty()) info.error = job->error();
        all.push_back(std::move(info));
    }
    return all;
}

std::vector<qapi::BlockJobInfo> query_block_jobs(const JobList& jobs) {
    std::vector<qapi::BlockJobInfo> all;
    for (const auto& job : jobs.jobs()) {
        if (!job->is_block_job()) continue;
        qapi::BlockJobInfo info{};
        info.type = type_of(*job);
        info.device = job->id();
        info.len = number(job->total());
        info.offset = number(job->done());
        info.busy = job->busy();
        info.paused = job->paused();
        info.speed = job->speed();
        info.io_status = std::string_view(job->io_status()) == "ok" ? qapi::BlockDeviceIoStatus::Ok
                                                                    : qapi::BlockDeviceIoStatus::Failed;
        info.ready = job->is_ready();
        info.status = status_of(*job);
        info.auto_finalize = job->config().auto_finalize;
        info.auto_dismiss = job->config().auto_dismiss;
        if (!job->error().empty()) info.error = job->error();
        all.push_back(std::move(info));
    }
    return all;
}

Result<LongJob*> find_job(const JobList& jobs, const std::string& id) {
    LongJob* job = jobs.find(id);
    if (job != nullptr) return job;
    return Error::make("Job not found");
}

Result<LongJob*> find_block_job(const JobList& jobs, const std::string& id) {
    LongJob* job = jobs.find(id);
    if (job != nullptr && job->is_block_job()) return job;
    return Error::of_class(ErrorClass::DeviceNotActive, "Block job '%s' not found", id.c_str());
}

}  // namespace vmm::block
