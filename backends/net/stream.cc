// Frames over a stream; see stream.h.
#include "backends/net/stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "util/endian.h"
#include "util/log.h"

namespace vmm::net {

namespace {

constexpr size_t kLengthSize = 4;
constexpr size_t kBuffer = 4 * (kLengthSize + kMaxPacket);
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kAcceptAgainNs = 1000 * kMillisecond;

}  // namespace

Result<std::unique_ptr<StreamClient>> StreamClient::create(EventLoop& loop, std::string id,
                                                           const StreamConfig& config,
                                                           StreamListener* listener) {
    auto client = std::make_unique<StreamClient>(Token(), loop, std::move(id), config, listener);
    TRY(client->open());
    return client;
}

StreamClient::StreamClient(Token, EventLoop& loop, std::string id, const StreamConfig& config,
                           StreamListener* told)
    : Client(loop, std::move(id)),
      config_(config),
      told_(config.kind == "stream" ? told : nullptr),
      retry_(loop, [this] { config_.server ? listen_again() : try_connect(); }),
      in_(kBuffer) {}

StreamClient::~StreamClient() {
    if (listener_) remove_socket_file(config_.address);
}

Status StreamClient::open() {
    if (config_.server) {
        listener_ = TRY(listen_on(config_.address));
        listen_again();
        return {};
    }
    Result<Fd> peer = connect_to(config_.address);
    if (peer) {
        take(std::move(*peer));
    } else if (config_.reconnect_ms != 0) {
        try_later();
    } else {
        return std::move(peer).take_error();
    }
    return {};
}

std::string StreamClient::info() const {
    const std::string at = to_text(config_.address);
    if (socket_) return config_.server ? "connection at " + at : "connection to " + at;
    return config_.server ? "listening on " + at : "not connected to " + at;
}

void StreamClient::listen_again() {
    listen_watch_ = FdWatch(loop(), listener_.get(), FdWatch::kIn, [this](unsigned) { accept_peer(); });
}

void StreamClient::accept_peer() {
    Result<std::optional<Fd>> peer = accept_one(listener_.get());
    if (!peer) {
        // No descriptors left, perhaps; the caller waits, and so do we.
        log_warning("netdev %s: %s", id().c_str(), peer.error().message().c_str());
        listen_watch_.end();
        retry_.arm_at(monotonic_ns() + kAcceptAgainNs);
        return;
    }
    if (!*peer) return;
    listen_watch_.end();
    take(std::move(**peer));
}

void StreamClient::try_connect() {
    Result<PendingConnection> begun = begin_connect(config_.address, attempts_++);
    if (!begun) return try_later();
    if (begun->established) return take(std::move(begun->fd));
    connecting_ = std::move(begun->fd);
    connect_watch_ =
        FdWatch(loop(), connecting_.get(), FdWatch::kOut, [this](unsigned) { connection_ready(); });
}

void StreamClient::connection_ready() {
    connect_watch_.end();
    Fd peer = std::move(connecting_);
    if (connection_error(peer.get()) == 0) return take(std::move(peer));
    try_later();
}

void StreamClient::try_later() {
    retry_.arm_at(monotonic_ns() + config_.reconnect_ms * kMillisecond);
}

void StreamClient::take(Fd peer) {
    socket_ = std::move(peer);
    set_no_delay(socket_.get());
    in_begin_ = in_end_ = 0;
    out_.clear();
    out_begin_ = 0;
    if (!paused_) watch();
    if (told_ != nullptr) told_->stream_connected(id(), config_.address);
}

void StreamClient::watch() {
    in_watch_ = FdWatch(loop(), socket_.get(), FdWatch::kIn, [this](unsigned) { read_some(); });
}

void StreamClient::lost() {
    in_watch_.end();
    out_watch_.end();
    socket_.reset();
    out_.clear();
    if (config_.server && listener_)
        listen_again();
    else if (config_.reconnect_ms != 0)
        try_later();
    if (told_ != nullptr) told_->stream_disconnected(id());
    if (std::exchange(refused_, false)) tell_sendable();
}

// ---- from the socket ----

void StreamClient::read_some() {
    if (in_begin_ != 0) {
        std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
        in_end_ -= std::exchange(in_begin_, 0);
    }
    const ssize_t got = ::recv(socket_.get(), in_.data() + in_end_, in_.size() - in_end_, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lost();
    in_end_ += static_cast<size_t>(got);
    deliver_frames();
}

void StreamClient::deliver_frames() {
    while (in_end_ - in_begin_ >= kLengthSize) {
        const uint8_t* at = in_.data() + in_begin_;
        const size_t length = load_be<uint32_t>(at);
        if (length == 0 || length > kMaxPacket) {
            log_warning("netdev %s: the other end sent a frame of %zu bytes; the connection is closed",
                        id().c_str(), length);
            return lost();
        }
        if (in_end_ - in_begin_ - kLengthSize < length) return;
        in_begin_ += kLengthSize + length;
        if (!deliver({at + kLengthSize, length})) {
            paused_ = true;
            in_watch_.end();
            return;
        }
    }
}

void StreamClient::resumed() {
    if (!std::exchange(paused_, false) || !socket_) return;
    watch();
    deliver_frames();
}

// ---- to the socket ----

bool StreamClient::do_send(Packet packet) {
    if (!socket_) return true;
    if (!out_.empty()) {
        refused_ = true;
        return false;
    }
    std::array<uint8_t, kLengthSize> length;
    store_be<uint32_t>(length.data(), static_cast<uint32_t>(packet.size()));
    iovec parts[] = {{length.data(), length.size()}, {const_cast<uint8_t*>(packet.data()), packet.size()}};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ssize_t done = 0;
    do {
        done = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (done < 0 && errno == EINTR);
    const size_t all = length.size() + packet.size();
    // A connection that is gone is seen by whoever reads it.
    if (done < 0 && errno != EAGAIN) return true;
    if (done == static_cast<ssize_t>(all)) return true;
    const size_t sent = done < 0 ? 0 : static_cast<size_t>(done);
    out_.assign(length.begin(), length.end());
    out_.insert(out_.end(), packet.begin(), packet.end());
    out_begin_ = sent;
    out_watch_ = FdWatch(loop(), socket_.get(), FdWatch::kOut, [this](unsigned) { (void)write_rest(); });
    return true;
}

bool StreamClient::write_rest() {
    const ssize_t done = ::send(socket_.get(), out_.data() + out_begin_, out_.size() - out_begin_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (done > 0) out_begin_ += static_cast<size_t>(done);
    if (done > 0 && out_begin_ < out_.size()) return false;
    out_.clear();
    out_begin_ = 0;
    out_watch_.end();
    if (std::exchange(refused_, false)) tell_sendable();
    return true;
}

}  // namespace vmm::net
