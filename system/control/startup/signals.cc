// Signals as loop events; see signals.h.
#include "system/control/startup/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "util/log.h"

namespace vmm {

Result<std::unique_ptr<SignalWatch>> SignalWatch::create(EventLoop& loop, MachineRequests& requests) {
    sigset_t ending;
    sigemptyset(&ending);
    for (int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&ending, number);
    if (int number = pthread_sigmask(SIG_BLOCK, &ending, nullptr); number != 0)
        return Error::from_errno(number, "could not block signals");
    signal(SIGPIPE, SIG_IGN);
    Fd fd(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return Error::from_errno(errno, "signalfd");
    return std::make_unique<SignalWatch>(Token{}, loop, requests, std::move(fd));
}

SignalWatch::SignalWatch(Token, EventLoop& loop, MachineRequests& requests, Fd fd)
    : requests_(requests),
      fd_(std::move(fd)),
      watch_(loop, fd_.get(), FdWatch::kIn, [this](unsigned) { drain(); }) {}

void SignalWatch::drain() {
    signalfd_siginfo info = {};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (received_ == 0) {
            log_error("terminating on signal %u from pid %u", info.ssi_signo, info.ssi_pid);
            received_ = static_cast<int>(info.ssi_signo);
        }
        requests_.request_shutdown(ShutdownCause::HostSignal);
    }
}

}  // namespace vmm
