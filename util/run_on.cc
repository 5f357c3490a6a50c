// See run_on.h.
#include "util/run_on.h"

#include <memory>

#include "util/mutex.h"

namespace vmm {

void run_on(EventLoop& loop, const std::function<void()>& work) {
    if (loop.on_loop_thread()) return work();
    // Shared: the other thread may still be letting go of the lock when this one has seen the end.
    struct Call {
        Mutex mutex{LockRank::Leaf, "work for another loop"};
        Condition done;
        bool over = false;
    };
    const auto call = std::make_shared<Call>();
    loop.post([call, &work] {
        work();
        Locked lock(call->mutex);
        call->over = true;
        call->done.notify_one();
    });
    Locked lock(call->mutex);
    while (!call->over)
        call->done.wait(call->mutex);
}

}  // namespace vmm
