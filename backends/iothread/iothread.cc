// A loop on its own thread; see iothread.h.
#include "backends/iothread/iothread.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "util/mutex.h"

namespace vmm {

namespace {

// Whether a loop can be made now: GLib ends the process when it lacks the descriptors that wake one.
Status check_room() {
    std::array<int, 2> ends = {};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
    for (int end : ends)
        ::close(end);
    return {};
}

}  // namespace

Result<std::unique_ptr<IoThread>> IoThread::create(const IoThreadConfig& config) {
    TRY(check_room());
    auto made = std::make_unique<IoThread>(Token(), config);
    block::IoContext::Config context;
    context.max_workers = config.thread_pool_max;
    made->loop_.spinner().configure(config.poll);
    made->context_ = TRY(block::IoContext::create(made->loop_, context));
    // Until the loop has gone round once nobody could tell whose it is. Shared: the thread may still be on
    // its way out of the lock when this function has seen its number.
    struct Start {
        Mutex mutex{LockRank::Leaf, "iothread start"};
        Condition changed;
        int thread_id = 0;
    };
    auto start = std::make_shared<Start>();
    IoThread& self = *made;
    self.thread_ = TRY(Thread::start("IO " + config.id, [&self, start] {
        while (self.loop_.iterate(false)) {
        }
        {
            Locked lock(start->mutex);
            start->thread_id = ::gettid();
            start->changed.notify_one();
        }
        self.loop_.run();
    }));
    Locked lock(start->mutex);
    while (start->thread_id == 0)
        start->changed.wait(start->mutex);
    self.thread_id_ = start->thread_id;
    return made;
}

IoThread::~IoThread() {
    if (!thread_.running()) return;
    loop_.post([this] { loop_.quit(); });
    thread_.join();
}

}  // namespace vmm
