// Where a dump goes; see sink.h.
#include "system/control/dump/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace vmm::dump {

Result<std::unique_ptr<DumpSink>> DumpSink::create(Fd fd) {
    auto sink = std::make_unique<DumpSink>(std::move(fd), TRY(EventFd::create()));
    sink->look();
    return sink;
}

void DumpSink::look() {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return;
    may_block_ = !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode);
    if (!S_ISREG(status.st_mode) || (::fcntl(fd_.get(), F_GETFL) & O_APPEND) != 0) return;
    const off_t at = ::lseek(fd_.get(), 0, SEEK_CUR);
    sparse_ = at >= 0 && status.st_size <= at;
}

void DumpSink::stop() {
    stopped_.store(true);
    stop_.signal();
}

Status DumpSink::stopped() const {
    if (stopped_.load()) return Error::make("the dump was stopped");
    return {};
}

Status DumpSink::leave_hole() {
    if (hole_ == 0) return {};
    if (::lseek(fd_.get(), static_cast<off_t>(std::exchange(hole_, 0)), SEEK_CUR) < 0)
        return Error::from_errno(errno, "cannot move on in the dump");
    return {};
}

// A pipe that takes anything takes a page.
Status DumpSink::write_slowly(std::span<const uint8_t> bytes) {
    constexpr size_t kPiece = 4096;
    while (!bytes.empty()) {
        pollfd wait[2] = {{.fd = fd_.get(), .events = POLLOUT, .revents = 0},
                          {.fd = stop_.fd(), .events = POLLIN, .revents = 0}};
        if (::poll(wait, 2, -1) < 0 && errno != EINTR)
            return Error::from_errno(errno, "cannot wait for the dump's reader");
        TRY(stopped());
        if (wait[0].revents == 0) continue;
        const ssize_t done = ::write(fd_.get(), bytes.data(), std::min(bytes.size(), kPiece));
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return Error::from_errno(errno, "cannot write the dump");
        if (done > 0) bytes = bytes.subspan(static_cast<size_t>(done));
    }
    return {};
}

Status DumpSink::write(std::span<const uint8_t> bytes) {
    TRY(stopped());
    TRY(leave_hole());
    if (may_block_) return write_slowly(bytes);
    Status done = write_full(fd_.get(), bytes);
    if (!done) return std::move(done).take_error().while_doing("cannot write the dump");
    return {};
}

Status DumpSink::zeros(uint64_t count) {
    if (sparse_) {
        hole_ += count;
        return stopped();
    }
    static constexpr std::array<uint8_t, 65536> kZeros{};
    for (; count != 0; count -= std::min<uint64_t>(count, kZeros.size()))
        TRY(write(std::span(kZeros).first(std::min<uint64_t>(count, kZeros.size()))));
    return {};
}

Status DumpSink::finish() {
    if (hole_ == 0) return {};
    TRY(leave_hole());
    const off_t end = ::lseek(fd_.get(), 0, SEEK_CUR);
    if (end < 0 || ::ftruncate(fd_.get(), end) != 0)
        return Error::from_errno(errno, "cannot write the end of the dump");
    return {};
}

}  // namespace vmm::dump
