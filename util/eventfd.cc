// Event descriptors; see eventfd.h.
#include "util/eventfd.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace vmm {

Result<EventFd> EventFd::create() {
    int number = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (number < 0) return Error::from_errno(errno, "eventfd");
    return EventFd(Fd(number));
}

void EventFd::signal() const {
    uint64_t one = 1;
    ssize_t n;
    do {
        n = ::write(fd_.get(), &one, sizeof one);
    } while (n < 0 && errno == EINTR);
}

bool EventFd::take() const {
    uint64_t count = 0;
    ssize_t n;
    do {
        n = ::read(fd_.get(), &count, sizeof count);
    } while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(sizeof count);
}

}  // namespace vmm
