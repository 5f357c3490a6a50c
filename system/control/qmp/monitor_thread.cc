// The out-of-band thread; see monitor_thread.h.
#include "system/control/qmp/monitor_thread.h"

namespace vmm {

Result<EventLoop*> MonitorThread::start() {
    if (!thread_.running()) thread_ = TRY(Thread::start("monitor", [this] { loop_.run(); }));
    return &loop_;
}

void MonitorThread::stop() {
    if (!thread_.running()) return;
    // Posted, not called: the thread may not have reached its loop yet.
    loop_.post([this] { loop_.quit(); });
    thread_.join();
}

}  // namespace vmm
