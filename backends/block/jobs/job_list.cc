#include "backends/block/jobs/job_list.h"

#include <algorithm>
#include <cctype>

namespace vmm::block {

JobList::JobList(BlockGraph& graph, JobEvents& events) : graph_(graph), events_(events) {
    graph_.add_worker(*this);
}

JobList::~JobList() {
    end_all();
    *alive_ = false;
    graph_.remove_worker(*this);
}

Status JobList::check_id(const std::string& id) const {
    bool good = !id.empty() && std::isalpha(static_cast<unsigned char>(id[0]));
    for (char c : id)
        good = good && (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_');
    if (!good) return Error::make("Invalid job ID '%s'", id.substr(0, 80).c_str());
    if (find(id) != nullptr) return Error::make("Job ID '%s' already in use", id.c_str());
    return {};
}

Result<LongJob*> JobList::start(JobConfig config, std::unique_ptr<JobWork> work) {
    Status good = check_id(config.id);
    Result<EventFd> bell = EventFd::create();
    if (good && !bell) good = std::move(bell).take_error();
    if (good && config.speed < 0) good = Error::make("Invalid parameter 'speed'");
    if (!good) {
        work->clean(false);
        return std::move(good).take_error();
    }
    jobs_.push_back(std::make_unique<LongJob>(LongJob::Token(), *this, std::move(bell).take_value(),
                                              std::move(config), std::move(work)));
    jobs_.back()->serial_ = ++last_serial_;
    LongJob& job = *jobs_.back();
    for (unsigned i = 0; i < holds_; ++i)
        job.hold();
    if (Status started = job.start(); !started) {
        job.work_->clean(false);
        remove(job);
        return std::move(started).take_error();
    }
    return &job;
}

LongJob* JobList::find(uint64_t serial) const {
    for (const auto& job : jobs_) {
        if (job->serial_ == serial) return job.get();
    }
    return nullptr;
}

LongJob* JobList::find(const std::string& id) const {
    for (const auto& job : jobs_) {
        if (job->id() == id) return job.get();
    }
    return nullptr;
}

void JobList::remove(LongJob& job) {
    std::erase_if(jobs_, [&](const auto& one) { return one.get() == &job; });
}

void JobList::end_all() {
    while (!jobs_.empty()) {
        LongJob& job = *jobs_.back();
        job.config_.auto_dismiss = false;  // it goes here
        (void)static_cast<bool>(job.cancel(true));
        job.thread_.join();
        if (job.status() < JobStatus::Concluded) job.thread_over();
        if (job.status() == JobStatus::Pending) job.abort("");
        jobs_.pop_back();
    }
}

void JobList::hold() {
    ++holds_;
    for (const auto& job : jobs_)
        job->hold();
}

void JobList::let_go() {
    --holds_;
    for (const auto& job : jobs_)
        job->let_go();
}

}  // namespace vmm::block
