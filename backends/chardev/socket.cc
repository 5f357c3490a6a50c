// Sockets as chardevs; see socket.h.
#include "backends/chardev/socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "util/log.h"

namespace vmm {

SocketChardev::SocketChardev(Token, EventLoop& loop, std::string id, const ChardevSocket& config)
    : FdChardev(loop, std::move(id)), config_(config), home_(loop), retry_(loop, [this] { try_connect(); }) {}

Result<std::unique_ptr<SocketChardev>> SocketChardev::create(EventLoop& loop, std::string id,
                                                             const ChardevSocket& config) {
    if (config.server && config.reconnect_ms != 0)
        return Error::make("chardev '%s': reconnect is for clients (server=off)", id.c_str());
    if (!config.server && config.wait)
        return Error::make("chardev '%s': wait is for servers (server=on)", id.c_str());
    auto made = std::make_unique<SocketChardev>(Token{}, loop, std::move(id), config);
    Status started = config.server ? made->start_server() : made->start_client();
    if (!started) return std::move(started).take_error().while_doing("chardev '%s'", made->id().c_str());
    return made;
}

SocketChardev::~SocketChardev() {
    if (listener_) remove_socket_file(config_.addr);
}

std::string SocketChardev::filename() const {
    std::string state = stream_open() ? "" : "disconnected:";
    return state + to_text(config_.addr) + (config_.server ? ",server=on" : "");
}

Status SocketChardev::start_server() {
    listener_ = TRY(listen_on(config_.addr));
    if (config_.wait) {
        log_info("waiting for connection on: %s", filename().c_str());
        while (!stream_open()) {
            pollfd one = {listener_.get(), POLLIN, 0};
            if (::poll(&one, 1, -1) < 0 && errno != EINTR) return Error::from_errno(errno, "poll");
            std::optional<Fd> peer = TRY(accept_one(listener_.get()));
            if (peer) take(std::move(*peer));
        }
        return {};
    }
    listen_again();
    return {};
}

Status SocketChardev::start_client() {
    if (config_.reconnect_ms != 0) {
        try_connect();
        return {};
    }
    take(TRY(connect_to(config_.addr)));
    return {};
}

void SocketChardev::listen_again() {
    listen_watch_.emplace(loop(), listener_.get(), FdWatch::kIn, [this](unsigned) { accept_peer(); });
}

void SocketChardev::accept_peer() {
    Result<std::optional<Fd>> peer = accept_one(listener_.get());
    if (!peer) {
        log_error("chardev '%s': %s", id().c_str(), peer.error().message().c_str());
        listen_watch_.reset();
        return;
    }
    if (!*peer) return;
    // Others queue in the kernel until this one leaves.
    listen_watch_.reset();
    take(std::move(**peer));
}

void SocketChardev::try_connect() {
    Result<Fd> peer = connect_to(config_.addr);
    if (peer) return take(std::move(peer).take_value());
    retry_.arm_at(monotonic_ns() + int64_t{config_.reconnect_ms} * 1'000'000);
}

void SocketChardev::take(Fd peer) {
    if (config_.nodelay) set_no_delay(peer.get());
    open_stream(std::move(peer), Fd(), Polling::Yes);
    tell(CharEvent::Opened);
}

std::optional<Fd> SocketChardev::take_fd() {
    if (fds_.empty()) return std::nullopt;
    Fd first = std::move(fds_.front());
    fds_.pop_front();
    return first;
}

ssize_t SocketChardev::read_some(int fd, std::span<uint8_t> into) {
    constexpr size_t kAtOnce = 16;
    iovec bytes = {into.data(), into.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kAtOnce * sizeof(int))> control;
    msghdr message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0) return n;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
            Fd got(number);
            if (fds_.size() < kMostFds) fds_.push_back(std::move(got));
        }
    }
    return n;
}

void SocketChardev::ended() {
    if (!stream_open()) return;
    close_stream();
    fds_.clear();
    if (&loop() == &home_) return after_end();
    set_loop(home_);
    post([this] { after_end(); });
}

void SocketChardev::after_end() {
    tell(CharEvent::Closed);
    if (config_.server) return listen_again();
    if (config_.reconnect_ms != 0) retry_.arm_at(monotonic_ns() + int64_t{config_.reconnect_ms} * 1'000'000);
}

}  // namespace vmm
