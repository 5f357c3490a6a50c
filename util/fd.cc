// File descriptors; see fd.h.
#include "util/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "util/read_open_file.h"

namespace vmm {

void Fd::reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
}

Result<Fd> Fd::duplicate() const {
    int copy = ::fcntl(number_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return Error::from_errno(errno, "dup of descriptor %d", number_);
    return Fd(copy);
}

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
    int number;
    do {
        number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (number < 0 && errno == EINTR);
    if (number < 0) return Error::from_errno(errno, "could not open '%s'", path.c_str());
    return Fd(number);
}

Status set_close_on_exec(int fd) {
    int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) != 0) return {};
    if (flags < 0 || ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
        return Error::from_errno(errno, "fcntl of descriptor %d", fd);
    return {};
}

Status set_non_blocking(int fd) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return Error::from_errno(errno, "fcntl of descriptor %d", fd);
    return {};
}

Status read_full(int fd, std::span<uint8_t> into) {
    while (!into.empty()) {
        ssize_t n = ::read(fd, into.data(), into.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno(errno, "read");
        if (n == 0) return Error::make("the file ended %zu bytes early", into.size());
        into = into.subspan(static_cast<size_t>(n));
    }
    return {};
}

Status read_full_at(int fd, std::span<uint8_t> into, uint64_t offset) {
    while (!into.empty()) {
        ssize_t n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno(errno, "pread");
        if (n == 0) return Error::make("the file ended %zu bytes early", into.size());
        into = into.subspan(static_cast<size_t>(n));
        offset += static_cast<uint64_t>(n);
    }
    return {};
}

Status write_full(int fd, std::span<const uint8_t> from) {
    while (!from.empty()) {
        ssize_t n = ::write(fd, from.data(), from.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno(errno, "write");
        from = from.subspan(static_cast<size_t>(n));
    }
    return {};
}

Result<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit) {
    Fd fd = TRY(open_file(path, O_RDONLY));
    Result<std::vector<uint8_t>> contents = read_open_file(fd.get(), limit);
    if (!contents) return std::move(contents).take_error().while_doing("could not read '%s'", path.c_str());
    return contents;
}

}  // namespace vmm
