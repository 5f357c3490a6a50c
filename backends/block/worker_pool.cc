// Worker threads; see worker_pool.h.
#include "backends/block/worker_pool.h"

#include "util/log.h"

namespace vmm::block {

WorkerPool::~WorkerPool() {
    std::vector<Thread> threads;
    {
        Locked lock(mutex_);
        ending_ = true;
        threads.swap(threads_);
        work_there_.notify_all();
    }
    threads.clear();
}

void WorkerPool::set_max_threads(unsigned max_threads) {
    Locked lock(mutex_);
    max_threads_ = max_threads;
}

bool WorkerPool::wants_thread() const {
    return queue_.count() > idle_ && threads_.size() < max_threads_;
}

void WorkerPool::run(Job& job) {
    bool do_it_here = false;
    {
        Locked lock(mutex_);
        queue_.push(job);
        if (wants_thread()) {
            Result<Thread> thread = Thread::start("block worker", [this] { serve(); });
            if (thread)
                threads_.push_back(std::move(thread).take_value());
            else if (threads_.empty())
                do_it_here = true;  // slow, but it gets done
        }
        if (do_it_here) {
            queue_ = {};
        } else {
            work_there_.notify_one();
        }
    }
    if (!do_it_here) return;
    job.work(job);
    finished_(job);
}

void WorkerPool::serve() {
    for (;;) {
        Job* job;
        {
            Locked lock(mutex_);
            ++idle_;
            while (queue_.empty() && !ending_)
                work_there_.wait(mutex_);
            --idle_;
            if (queue_.empty()) return;
            job = &queue_.pop();
        }
        job->work(*job);
        finished_(*job);
    }
}

}  // namespace vmm::block
