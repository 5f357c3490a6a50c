// WorkerPool: threads for work that blocks, started when there is more work than idle threads, up to a limit.
// IoContext owns one and hears of finished jobs through `finished`. Thread-safe.
#pragma once

#include <functional>
#include <vector>

#include "backends/block/io_context.h"
#include "backends/block/queue.h"
#include "util/mutex.h"
#include "util/thread.h"

namespace vmm::block {

class WorkerPool {
  public:
    // `finished` is called on the worker that did the job, with no lock held.
    WorkerPool(unsigned max_threads, std::function<void(Job&)> finished)
        : finished_(std::move(finished)), max_threads_(max_threads) {}
    // Does what is queued, then ends the threads.
    ~WorkerPool();

    void run(Job& job);
    // Threads that exist stay.
    void set_max_threads(unsigned max_threads);

  private:
    void serve();
    bool wants_thread() const REQUIRES(mutex_);

    const std::function<void(Job&)> finished_;
    Mutex mutex_{LockRank::Leaf, "block workers"};
    Condition work_there_;
    Queue<Job> queue_ GUARDED_BY(mutex_);
    unsigned idle_ GUARDED_BY(mutex_) = 0;
    unsigned max_threads_ GUARDED_BY(mutex_);
    bool ending_ GUARDED_BY(mutex_) = false;
    std::vector<Thread> threads_ GUARDED_BY(mutex_);
};

}  // namespace vmm::block
