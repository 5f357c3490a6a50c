// SlirpSource: lets libslirp watch its sockets and time-outs from an event loop: before the loop sleeps it
// says what it waits for, afterwards it is told what happened. Private to user networking. The loop's thread.
#pragma once

#include <vector>

#include "backends/net/slirp_library.h"
#include "util/event_loop.h"

namespace vmm::net {

class SlirpSource {
  public:
    SlirpSource(EventLoop& loop, const SlirpLibrary& library, Slirp& slirp);
    SlirpSource(const SlirpSource&) = delete;
    SlirpSource& operator=(const SlirpSource&) = delete;

  private:
    friend struct SlirpSourceCalls;
    struct Watched {
        int fd;
        GIOCondition conditions;
        gpointer tag;
    };
    void prepare(int* timeout);
    bool check();
    void dispatch();
    int add(int fd, int events);
    int happened(int index) const;

    const SlirpLibrary& library_;  // the network's, which outlives us
    Slirp& slirp_;
    std::vector<Watched> watched_;  // the first used_ are of this turn
    size_t used_ = 0;
    int64_t deadline_ = -1;  // monotonic ns; -1: none
    LoopSource source_;
};

}  // namespace vmm::net
