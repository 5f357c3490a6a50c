// MonitorThread: the thread on which monitors run out-of-band commands. It starts when the first client asks
// for it, so that machines without such a client do not have it.
#pragma once

#include "util/event_loop.h"
#include "util/thread.h"

namespace vmm {

class MonitorThread {
  public:
    MonitorThread() = default;
    ~MonitorThread() { stop(); }
    MonitorThread(const MonitorThread&) = delete;
    MonitorThread& operator=(const MonitorThread&) = delete;

    // Main thread. Starts the thread unless it runs.
    Result<EventLoop*> start();
    // Main thread. Whatever has moved to the loop is not called any more afterwards.
    void stop();

  private:
    EventLoop loop_;
    Thread thread_;
};

}  // namespace vmm
