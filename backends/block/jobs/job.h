// LongJob: work that goes on while the guest runs (copying a disk, making an image), on a thread of its own,
// with the life that job-* commands speak of: created, running, paused, ready, waiting, pending, aborting,
// concluded. JobWork is what a particular job does; JobList (job_list.h) owns the jobs. The thread reaches
// nodes with blocking requests (Node::perform()) between safe points, JobThread::go_on(), where it can be
// held, paused and cancelled. Main thread unless said otherwise; lock: a leaf, never held over I/O or calls
// out.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backends/block/handle.h"
#include "util/eventfd.h"
#include "util/mutex.h"
#include "util/result.h"
#include "util/thread.h"

namespace vmm::block {

class JobList;
class LongJob;

// In the order of the schema.
enum class JobStatus : uint8_t {
    Undefined,
    Created,
    Running,
    Paused,
    Ready,
    Standby,
    Waiting,
    Pending,
    Aborting,
    Concluded,
    Null
};
enum class JobType : uint8_t { Commit, Stream, Mirror, Backup, Create };

struct JobConfig {
    std::string id;
    JobType type = JobType::Create;
    int64_t speed = 0;  // bytes a second; 0: no limit
    bool auto_finalize = true;
    bool auto_dismiss = false;
    OnError on_source_error = OnError::Report;
    OnError on_target_error = OnError::Report;
};

// The job as its thread sees it.
class JobThread {
  public:
    // Between pieces of work, with no request under way: false when the job is to end (cancelled by force).
    // Waits while the graph is drained, the user has paused the job, or its speed has been used up.
    virtual bool go_on() = 0;
    // Bytes were copied; the speed limit is about these.
    virtual void copied(uint64_t bytes) = 0;
    virtual void set_progress(uint64_t done, uint64_t total) = 0;
    // What becomes of an error: Report: the job fails with it; Ignore: go on; Stop: the job was paused and
    // its user resumed it: try again.
    virtual OnError failed(bool read, int number) = 0;
    // The job could complete now.
    virtual void ready() = 0;
    virtual bool asked_to_complete() = 0;
    // Waits a little, or until somebody calls LongJob::wake().
    virtual void doze(int64_t ns) = 0;

  protected:
    ~JobThread() = default;
};

// What one job does. Made and destroyed on the main thread; run() is the job's thread's.
class JobWork {
  public:
    virtual ~JobWork() = default;
    virtual Status run(JobThread& job) = 0;
    // After run() went well, before the job is irrevocably done; the graph may be drained and changed here.
    virtual Status prepare() { return {}; }
    // Or it did not go well. In both cases all holds on nodes end here.
    virtual void clean(bool /*succeeded*/) {}
    // job-complete is possible for it.
    virtual bool can_complete() const { return false; }
    // Cancelling without force a job that is ready ends it well.
    virtual bool soft_cancel() { return false; }
};

// Upwards. Main thread.
class JobEvents {
  public:
    virtual ~JobEvents() = default;
    virtual void status_changed(const LongJob& job) = 0;
    virtual void ready(const LongJob& job) = 0;
    virtual void pending(const LongJob& job) = 0;
    virtual void ended(const LongJob& job, bool cancelled) = 0;
    virtual void failed(const LongJob& job, bool read, OnError action) = 0;
};

class LongJob final : JobThread {
    struct Token {
        explicit Token() = default;
    };

  public:
    LongJob(Token, JobList& list, EventFd bell, JobConfig config, std::unique_ptr<JobWork> work);
    ~LongJob();

    const JobConfig& config() const { return config_; }
    const std::string& id() const { return config_.id; }
    bool is_block_job() const { return config_.type != JobType::Create; }
    JobStatus status() const { return status_; }
    uint64_t done() const { return done_.load(); }
    uint64_t total() const { return total_.load(); }
    bool busy() const;
    bool paused() const;
    bool is_ready() const { return ready_; }
    int64_t speed() const;
    const char* io_status() const { return io_status_; }
    // "" while there is none.
    const std::string& error() const { return error_; }

    // The orders of job-* and block-job-*; refused in the wrong state. A job that is to pause has the status
    // of one when it has done with what it was at.
    Status pause();
    Status resume();
    Status cancel(bool force);
    Status complete();
    Status finalize();
    Status dismiss();
    Status set_speed(int64_t bytes_a_second);

    // Any thread: there is something to do.
    void wake();
    // For JobList.
    void hold();
    void let_go();

  private:
    friend class JobList;
    enum class Verb : uint8_t { Cancel, Pause, Resume, SetSpeed, Complete, Finalize, Dismiss };

    bool go_on() override;
    void copied(uint64_t bytes) override;
    void set_progress(uint64_t done, uint64_t total) override;
    OnError failed(bool read, int number) override;
    void ready() override;
    bool asked_to_complete() override;
    void doze(int64_t ns) override;

    void wait_for_bell(int64_t ns) REQUIRES(mutex_);
    Status start();
    Status may(Verb verb) const;
    void body();
    void tell(std::function<void(LongJob&)> news);
    void became_ready();
    void thread_over();
    void settle();
    void become(JobStatus status);
    void abort(std::string error);
    void conclude(bool succeeded);
    void stopped_by_error();
    void stands();

    JobList& list_;
    uint64_t serial_ = 0;
    JobConfig config_;
    std::unique_ptr<JobWork> work_;
    JobStatus status_ = JobStatus::Undefined;
    bool ready_ = false;
    bool over_ = false;  // the thread
    std::string error_;
    const char* io_status_ = "ok";
    std::atomic<uint64_t> done_{0}, total_{0};

    mutable Mutex mutex_{LockRank::Leaf, "job"};
    Condition changed_;                      // for whoever waits for the thread
    const EventFd bell_;                     // for the thread
    bool parked_ GUARDED_BY(mutex_) = true;  // touches no node: before, between and after the work
    unsigned holds_ GUARDED_BY(mutex_) = 0;
    bool paused_ GUARDED_BY(mutex_) = false;
    bool cancelled_ GUARDED_BY(mutex_) = false;
    bool forced_ GUARDED_BY(mutex_) = false;
    bool completing_ GUARDED_BY(mutex_) = false;
    bool woken_ GUARDED_BY(mutex_) = false;
    int64_t speed_ GUARDED_BY(mutex_) = 0;
    int64_t next_ns_ GUARDED_BY(mutex_) = 0;  // when the speed allows the next piece
    Status result_ GUARDED_BY(mutex_);
    Thread thread_;
};

}  // namespace vmm::block
