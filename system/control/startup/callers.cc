// Who may be about to connect; see callers.h.
#include "system/control/startup/callers.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace vmm {

namespace {

// Between taking the last words out of the pipe and having them in the file that the parent looks into.
constexpr int kLogsInMs = 30;
constexpr int kFirstDescriptor = STDERR_FILENO + 1;
constexpr size_t kMostDescriptors = 250;  // poll() takes no more than the process may have open

bool is_listening(int fd) {
    int accepts = 0;
    socklen_t length = sizeof accepts;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts != 0;
}

// What is written to a pipe that nobody has read yet.
bool is_unread(int pipe) {
    int bytes = 0;
    return ::ioctl(pipe, FIONREAD, &bytes) == 0 && bytes > 0;
}

}  // namespace

Callers Callers::find() {
    Callers found;
    // One call tells which are open.
    std::array<pollfd, kMostDescriptors> all;
    for (size_t i = 0; i < all.size(); ++i)
        all[i] = {.fd = static_cast<int>(i) + kFirstDescriptor, .events = 0, .revents = 0};
    if (::poll(all.data(), all.size(), 0) < 0) return found;
    for (const pollfd& one : all)
        if ((one.revents & POLLNVAL) == 0 && is_listening(one.fd)) found.listeners_.push_back(one.fd);
    return found;
}

void Callers::await(std::chrono::milliseconds most) const {
    std::vector<pollfd> doors;
    for (int fd : listeners_)
        if (is_listening(fd)) doors.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    if (doors.empty()) return;
    (void)::poll(doors.data(), doors.size(), static_cast<int>(most.count()));
    struct stat log;
    if (::fstat(STDERR_FILENO, &log) != 0 || !S_ISFIFO(log.st_mode)) return;
    for (auto end = std::chrono::steady_clock::now() + most;
         is_unread(STDERR_FILENO) && std::chrono::steady_clock::now() < end;)
        (void)::poll(nullptr, 0, 1);
    (void)::poll(nullptr, 0, kLogsInMs);
}

}  // namespace vmm
