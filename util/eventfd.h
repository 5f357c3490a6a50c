// EventFd: a kernel counter used to wake a loop or to be signalled by KVM. Non-blocking, close-on-exec.
#pragma once

#include "util/fd.h"

namespace vmm {

class EventFd {
  public:
    static Result<EventFd> create();
    int fd() const { return fd_.get(); }
    void signal() const;
    // True when it had been signalled since the last call.
    bool take() const;

  private:
    explicit EventFd(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

}  // namespace vmm
