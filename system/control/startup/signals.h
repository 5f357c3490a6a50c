// SignalWatch: SIGINT, SIGTERM and SIGHUP ask the machine to end, on the main loop. They are blocked in every
// thread from the construction on, so make it before any thread starts.
#pragma once

#include <memory>

#include "system/run/requests.h"
#include "util/event_loop.h"
#include "util/fd.h"
#include "util/result.h"

namespace vmm {

class SignalWatch {
    struct Token {};

  public:
    SignalWatch(Token, EventLoop& loop, MachineRequests& requests, Fd fd);
    // Loop and requests outlive the watch.
    static Result<std::unique_ptr<SignalWatch>> create(EventLoop& loop, MachineRequests& requests);
    // The number of the signal that ended the machine, 0 when none did.
    int received() const { return received_; }

  private:
    void drain();

    MachineRequests& requests_;
    Fd fd_;
    FdWatch watch_;
    int received_ = 0;
};

}  // namespace vmm
