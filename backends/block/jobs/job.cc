// The life of a job; see job.h. The first half is the main thread's, the second the job's thread's.
#include "backends/block/jobs/job.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backends/block/jobs/job_list.h"

namespace vmm::block {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

const char* name_of(JobStatus status) {
    static constexpr const char* kNames[] = {"undefined", "created",   "running", "paused",
                                             "ready",     "standby",   "waiting", "pending",
                                             "aborting",  "concluded", "null"};
    return kNames[static_cast<size_t>(status)];
}

}  // namespace

LongJob::LongJob(Token, JobList& list, EventFd bell, JobConfig config, std::unique_ptr<JobWork> work)
    : list_(list),
      config_(std::move(config)),
      work_(std::move(work)),
      bell_(std::move(bell)),
      speed_(config_.speed) {}

LongJob::~LongJob() = default;

Status LongJob::start() {
    become(JobStatus::Created);
    become(JobStatus::Running);
    thread_ = TRY(Thread::start("job " + id(), [this] { body(); }));
    return {};
}

void LongJob::become(JobStatus status) {
    if (status == status_) return;
    status_ = status;
    list_.events().status_changed(*this);
}

// Which orders a job takes in which state.
Status LongJob::may(Verb verb) const {
    static constexpr const char* kVerbs[] = {"cancel",   "pause",    "resume", "set-speed",
                                             "complete", "finalize", "dismiss"};
    auto in = [this](std::initializer_list<JobStatus> states) {
        for (JobStatus one : states)
            if (status_ == one) return true;
        return false;
    };
    using enum JobStatus;
    bool good = false;
    switch (verb) {
        case Verb::Cancel:
            good = in({Created, Running, Paused, Ready, Standby, Waiting, Pending});
            break;
        case Verb::Pause:
        case Verb::Resume:
        case Verb::SetSpeed:
            good = in({Created, Running, Paused, Ready, Standby});
            break;
        case Verb::Complete:
            good = in({Ready, Standby});
            break;
        case Verb::Finalize:
            good = in({Pending});
            break;
        case Verb::Dismiss:
            good = in({Concluded});
            break;
    }
    if (good) return {};
    return Error::make("Job '%s' in state '%s' cannot accept command verb '%s'", id().c_str(),
                       name_of(status_), kVerbs[static_cast<size_t>(verb)]);
}

bool LongJob::busy() const {
    Locked lock(mutex_);
    return !parked_;
}

bool LongJob::paused() const {
    Locked lock(mutex_);
    return paused_;
}

int64_t LongJob::speed() const {
    Locked lock(mutex_);
    return speed_;
}

Status LongJob::pause() {
    TRY(may(Verb::Pause));
    {
        Locked lock(mutex_);
        if (paused_) return Error::make("Job is already paused");
        paused_ = true;
        if (!parked_) {
            bell_.signal();
            return {};  // its thread says when it stands
        }
    }
    stands();
    return {};
}

void LongJob::stands() {
    if (!over_ && paused()) become(ready_ ? JobStatus::Standby : JobStatus::Paused);
}

Status LongJob::resume() {
    TRY(may(Verb::Resume));
    {
        Locked lock(mutex_);
        if (!paused_) return Error::make("Can't resume a job that was not paused");
        paused_ = false;
        bell_.signal();
    }
    io_status_ = "ok";
    become(ready_ ? JobStatus::Ready : JobStatus::Running);
    return {};
}

Status LongJob::cancel(bool force) {
    TRY(may(Verb::Cancel));
    bool soft = !force && ready_ && work_->soft_cancel();
    bool hard_now = status_ == JobStatus::Pending;
    {
        Locked lock(mutex_);
        if (soft) {
            completing_ = true;
        } else {
            cancelled_ = true;
        }
        paused_ = false;
        bell_.signal();
    }
    if (hard_now) abort("");
    return {};
}

Status LongJob::complete() {
    if (!work_->can_complete())
        return Error::make("The active block job '%s' cannot be completed", id().c_str());
    TRY(may(Verb::Complete));
    Locked lock(mutex_);
    if (paused_) return Error::make("The active block job '%s' cannot be completed", id().c_str());
    completing_ = true;
    bell_.signal();
    return {};
}

Status LongJob::set_speed(int64_t bytes_a_second) {
    TRY(may(Verb::SetSpeed));
    if (bytes_a_second < 0) return Error::make("Invalid parameter 'speed'");
    Locked lock(mutex_);
    speed_ = bytes_a_second;
    next_ns_ = 0;
    bell_.signal();
    return {};
}

Status LongJob::finalize() {
    TRY(may(Verb::Finalize));
    settle();
    return {};
}

Status LongJob::dismiss() {
    TRY(may(Verb::Dismiss));
    become(JobStatus::Null);
    list_.remove(*this);
    return {};
}

void LongJob::became_ready() {
    if (over_) return;
    ready_ = true;
    become(paused() ? JobStatus::Standby : JobStatus::Ready);
    list_.events().ready(*this);
}

void LongJob::stopped_by_error() {
    io_status_ = "failed";
    stands();
}

void LongJob::thread_over() {
    if (over_) return;
    over_ = true;
    thread_.join();
    Status result;
    bool cancelled;
    {
        Locked lock(mutex_);
        result = std::move(result_);
        cancelled = cancelled_;
    }
    if (cancelled || !result) return abort(result ? "" : result.error().message());
    become(JobStatus::Waiting);
    become(JobStatus::Pending);
    if (config_.auto_finalize) return settle();
    if (is_block_job()) list_.events().pending(*this);
}

// The last step that may fail.
void LongJob::settle() {
    Status prepared = work_->prepare();
    if (!prepared) return abort(prepared.error().message());
    conclude(true);
}

void LongJob::abort(std::string error) {
    error_ = std::move(error);
    {
        Locked lock(mutex_);
        forced_ = cancelled_;
    }
    become(JobStatus::Aborting);
    conclude(false);
}

void LongJob::conclude(bool succeeded) {
    work_->clean(succeeded);
    bool cancelled;
    {
        Locked lock(mutex_);
        cancelled = forced_;
    }
    if (is_block_job()) list_.events().ended(*this, cancelled);
    if (cancelled && error_.empty() && !succeeded) error_ = std::strerror(ECANCELED);
    become(JobStatus::Concluded);
    if (!config_.auto_dismiss) return;
    become(JobStatus::Null);
    list_.remove(*this);
}

void LongJob::hold() {
    check_no_locks_held("holding a job");
    Locked lock(mutex_);
    ++holds_;
    bell_.signal();
    while (!parked_)
        changed_.wait(mutex_);
}

void LongJob::let_go() {
    Locked lock(mutex_);
    --holds_;
    bell_.signal();
}

// ---- the job's thread ----

void LongJob::body() {
    Status result;
    if (go_on()) result = work_->run(*this);
    {
        Locked lock(mutex_);
        result_ = std::move(result);
        parked_ = true;
        changed_.notify_all();
    }
    tell([](LongJob& job) { job.thread_over(); });
}

// On the main thread, from the loop only: never while the graph is drained.
void LongJob::tell(std::function<void(LongJob&)> news) {
    list_.graph().context().loop().post(
        [list = &list_, alive = list_.alive_, serial = serial_, news = std::move(news)] {
            LongJob* job = *alive ? list->find(serial) : nullptr;
            if (job != nullptr) news(*job);
        });
}

// Waits for a ring of the bell, with the lock open.
void LongJob::wait_for_bell(int64_t ns) {
    mutex_.unlock();
    pollfd one = {bell_.fd(), POLLIN, 0};
    timespec limit = {ns / kSecond, ns % kSecond};
    (void)::ppoll(&one, 1, ns < 0 ? nullptr : &limit, nullptr);
    (void)bell_.take();
    mutex_.lock();
}

bool LongJob::go_on() {
    constexpr int64_t kForEver = -1;
    Locked lock(mutex_);
    parked_ = true;
    changed_.notify_all();
    if (paused_) {
        mutex_.unlock();
        tell([](LongJob& job) { job.stands(); });
        mutex_.lock();
    }
    while (holds_ > 0 || !cancelled_) {
        int64_t now = monotonic_ns();
        bool stands = holds_ > 0 || paused_;
        if (!stands && (speed_ == 0 || next_ns_ <= now)) break;
        wait_for_bell(stands ? kForEver : next_ns_ - now);
    }
    parked_ = false;
    return !cancelled_;
}

void LongJob::copied(uint64_t bytes) {
    Locked lock(mutex_);
    if (speed_ == 0) return;
    int64_t now = monotonic_ns();
    double seconds = static_cast<double>(bytes) / static_cast<double>(speed_);
    next_ns_ = std::max(next_ns_, now) + static_cast<int64_t>(seconds * static_cast<double>(kSecond));
}

void LongJob::set_progress(uint64_t done, uint64_t total) {
    done_.store(done);
    total_.store(total);
}

OnError LongJob::failed(bool read, int number) {
    OnError action = read ? config_.on_source_error : config_.on_target_error;
    if (action == OnError::Enospc) action = number == ENOSPC ? OnError::Stop : OnError::Report;
    if (action == OnError::Auto) action = OnError::Report;
    if (action == OnError::Stop) {
        Locked lock(mutex_);
        paused_ = true;
    }
    tell([read, action](LongJob& job) {
        job.list_.events().failed(job, read, action);
        if (action == OnError::Stop) job.stopped_by_error();
    });
    return action;
}

void LongJob::ready() {
    tell([](LongJob& job) { job.became_ready(); });
}

bool LongJob::asked_to_complete() {
    Locked lock(mutex_);
    return completing_;
}

void LongJob::doze(int64_t ns) {
    Locked lock(mutex_);
    parked_ = true;
    changed_.notify_all();
    if (!woken_ && !completing_ && !cancelled_ && holds_ == 0) wait_for_bell(ns);
    woken_ = false;
    // Whoever dozes asks go_on() before it touches a node.
}

void LongJob::wake() {
    Locked lock(mutex_);
    woken_ = true;
    bell_.signal();
}

}  // namespace vmm::block
