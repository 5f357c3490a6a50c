// Chardevs over descriptors; see fd_chardev.h.
#include "backends/chardev/fd_chardev.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace vmm {

namespace {

constexpr size_t kReadAtOnce = 4096;
constexpr int64_t kHoldNs = 1'000'000;  // a dozen characters of a serial line

// A write that raises no SIGPIPE on sockets. What is no socket is asked only once.
ssize_t write_some(int fd, std::span<const uint8_t> bytes, bool& socket) {
    ssize_t n = 0;
    do {
        if (socket) n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (socket && n < 0 && errno == ENOTSOCK) socket = false;
        if (!socket) n = ::write(fd, bytes.data(), bytes.size());
    } while (n < 0 && errno == EINTR);
    return n;
}

}  // namespace

Result<Fd> reopen_non_blocking(int fd, int access_mode) {
    struct stat info = {};
    if (::fstat(fd, &info) < 0) return Error::from_errno(errno, "fstat");
    if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
        Result<Fd> own =
            open_file("/proc/self/fd/" + std::to_string(fd), access_mode | O_NONBLOCK | O_NOCTTY);
        if (own) return own;
    }
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return Error::from_errno(errno, "duplicating descriptor %d", fd);
    if (!S_ISREG(info.st_mode)) TRY(set_non_blocking(copy.get()));
    return copy;
}

FdChardev::~FdChardev() {
    Locked l(mutex_);
    (void)send_held();
}

void FdChardev::open_stream(Fd in, Fd out, Polling out_polls) {
    in_ = std::move(in);
    {
        Locked l(mutex_);
        out_ = std::move(out);
        out_number_ = out_ ? out_.get() : in_.get();
        out_polls_ = out_polls;
        out_is_socket_ = true;
        waits_ = failed_ = false;
    }
    make_timer();
    watch_input();
}

void FdChardev::make_timer() {
    Locked l(mutex_);
    timer_.emplace(loop(), [this] {
        Locked locked(mutex_);
        timer_runs_ = false;
        (void)send_held();
    });
    timer_runs_ = false;
    (void)send_held();
}

void FdChardev::close_stream() {
    in_watch_.reset();
    out_watch_.reset();
    Locked l(mutex_);
    (void)send_held();
    held_count_ = 0;
    timer_.reset();
    out_number_ = -1;
    waits_ = false;
    out_.reset();
    in_.reset();
}

void FdChardev::change_loop(EventLoop& to) {
    in_watch_.reset();
    const bool waits_for_output = out_watch_.has_value();
    out_watch_.reset();
    {
        Locked l(mutex_);
        timer_.reset();
        (void)send_held();
    }
    set_loop(to);
    post([this, waits_for_output] {
        make_timer();
        if (waits_for_output) wait_for_output();
        watch_input();
    });
}

ssize_t FdChardev::read_some(int fd, std::span<uint8_t> into) {
    return ::read(fd, into.data(), into.size());
}

void FdChardev::close_input() {
    in_watch_.reset();
    in_.reset();
}

bool FdChardev::stream_open() const {
    Locked l(mutex_);
    return out_number_ >= 0;
}

void FdChardev::detach(CharClient& client_gone) {
    Chardev::detach(client_gone);
    {
        Locked l(mutex_);
        (void)send_held();
    }
    watch_input();
}

void FdChardev::accept_input() {
    post([this] { watch_input(); });
}

// Nothing is watched while nobody wants input, so a hang-up is seen after what came before it.
void FdChardev::watch_input() {
    in_watch_.reset();
    if (!in_) return;
    bool wanted = client() != nullptr && client()->room() > 0;
    if (!wanted) return;
    in_watch_.emplace(loop(), in_.get(), FdWatch::kIn,
                      [this](unsigned conditions) { input_ready(conditions); });
}

void FdChardev::input_ready(unsigned conditions) {
    size_t room = client() == nullptr ? 0 : client()->room();
    if (room == 0) {
        in_watch_.reset();
        return;
    }
    std::array<uint8_t, kReadAtOnce> buffer;
    ssize_t n = read_some(in_.get(), std::span(buffer).first(std::min(room, buffer.size())));
    if (n > 0) {
        client()->receive(std::span(buffer).first(static_cast<size_t>(n)));
        return;
    }
    bool nothing_yet = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (nothing_yet && (conditions & FdWatch::kHangup) == 0) return;
    ended();
}

size_t FdChardev::do_write(std::span<const uint8_t> bytes) {
    Locked l(mutex_);
    return send_held() ? put(bytes) : 0;
}

// A write for each byte costs the host more than the guest's access did, and its reader wakes up for each.
size_t FdChardev::do_write_soon(std::span<const uint8_t> bytes) {
    Locked l(mutex_);
    if (waits_ || !timer_ || bytes.size() > held_.size() - held_count_) return send_held() ? put(bytes) : 0;
    std::copy(bytes.begin(), bytes.end(), held_.begin() + static_cast<std::ptrdiff_t>(held_count_));
    held_count_ += bytes.size();
    const bool line_ends = std::find(bytes.begin(), bytes.end(), uint8_t{'\n'}) != bytes.end();
    if (line_ends || held_count_ == held_.size()) {
        (void)send_held();
    } else if (!std::exchange(timer_runs_, true)) {
        timer_->arm_at(monotonic_ns() + kHoldNs);
    }
    return bytes.size();
}

bool FdChardev::send_held() {
    if (held_count_ == 0) return true;
    const size_t taken = put(std::span(held_).first(held_count_));
    std::copy(held_.begin() + static_cast<std::ptrdiff_t>(taken),
              held_.begin() + static_cast<std::ptrdiff_t>(held_count_), held_.begin());
    held_count_ -= taken;
    return held_count_ == 0;
}

size_t FdChardev::put(std::span<const uint8_t> bytes) {
    size_t taken = 0;
    if (out_number_ < 0) return bytes.size();
    while (taken < bytes.size()) {
        ssize_t n = write_some(out_number_, bytes.subspan(taken), out_is_socket_);
        if (n > 0) {
            taken += static_cast<size_t>(n);
            continue;
        }
        if (n < 0 && errno == EAGAIN && out_polls_ == Polling::Yes) {
            if (!std::exchange(waits_, true)) post([this] { wait_for_output(); });
            return taken;
        }
        // The other end is gone or the disk is full: what is written is lost, as on a loose cable. Told once:
        // a guest may go on for ever, a byte at a time.
        if (!std::exchange(failed_, true)) post([this] { output_failed(); });
        return bytes.size();
    }
    return taken;
}

void FdChardev::wait_for_output() {
    int fd = -1;
    {
        Locked l(mutex_);
        fd = out_number_;
        if (fd < 0) waits_ = false;
    }
    if (fd < 0) {
        if (client() != nullptr) client()->writable();
        return;
    }
    out_watch_.emplace(loop(), fd, FdWatch::kOut, [this](unsigned) { output_ready(); });
}

void FdChardev::output_ready() {
    out_watch_.reset();
    {
        Locked l(mutex_);
        waits_ = false;
        if (!send_held()) return;  // waits again
    }
    if (client() != nullptr) client()->writable();
}

}  // namespace vmm
