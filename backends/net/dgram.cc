// A frame a datagram; see dgram.h.
#include "backends/net/dgram.h"

#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "util/log.h"

namespace vmm::net {

namespace {

constexpr unsigned kAtOnce = 64;  // datagrams in one turn of the loop
// What is held back before it is sent: so many, each of no more bytes than a frame without offloads has.
constexpr size_t kMostHeld = 16, kSlotBytes = 2048;

bool is_multicast(const SocketName& name) {
    if (name.storage.ss_family != AF_INET) return false;
    sockaddr_in in;
    std::memcpy(&in, &name.storage, sizeof in);
    return IN_MULTICAST(ntohl(in.sin_addr.s_addr));
}

// A socket in the group; `local`: the address of the interface.
Result<Fd> join_group(const SocketName& group, const std::optional<SocketAddress>& local) {
    Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Error::from_errno(errno, "socket");
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        ::bind(fd.get(), group.get(), group.length) < 0)
        return Error::from_errno(errno, "binding to the multicast group");
    sockaddr_in in, interface = {};
    std::memcpy(&in, &group.storage, sizeof in);
    if (local) {
        const SocketName name = TRY(resolve_datagram(*local));
        std::memcpy(&interface, &name.storage, sizeof interface);
    }
    const ip_mreq request = {in.sin_addr, interface.sin_addr};
    if (::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0)
        return Error::from_errno(errno, "joining the multicast group");
    // Other machines on this host are members, too.
    if (::setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on) < 0)
        return Error::from_errno(errno, "multicast loop-back");
    if (local &&
        ::setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_IF, &interface.sin_addr, sizeof(in_addr)) < 0)
        return Error::from_errno(errno, "the interface for multicast");
    return fd;
}

}  // namespace

Result<std::unique_ptr<DgramClient>> DgramClient::create(EventLoop& loop, std::string id,
                                                         const DgramConfig& config) {
    std::optional<SocketName> remote;
    if (config.remote) remote = TRY(resolve_datagram(*config.remote));
    Fd socket;
    if (remote && is_multicast(*remote)) {
        socket = TRY(join_group(*remote, config.local));
    } else {
        if (!config.local) return Error::make("netdev %s: a local address is missing", id.c_str());
        socket = TRY(bind_datagram(*config.local));
    }
    return std::make_unique<DgramClient>(Token(), loop, std::move(id), config, std::move(socket), remote);
}

DgramClient::DgramClient(Token, EventLoop& loop, std::string id, const DgramConfig& config, Fd socket,
                         std::optional<SocketName> remote)
    : Client(loop, std::move(id)),
      config_(config),
      socket_(std::move(socket)),
      remote_(remote),
      in_(kMaxPacket) {
    int kind = 0;
    socklen_t length = sizeof kind;
    has_end_ = ::getsockopt(socket_.get(), SOL_SOCKET, SO_TYPE, &kind, &length) == 0 && kind != SOCK_DGRAM;
    watch();
}

DgramClient::~DgramClient() {
    if (config_.local) remove_socket_file(*config_.local);
}

std::string DgramClient::info() const {
    std::string text = config_.local ? to_text(*config_.local) : "multicast";
    if (config_.remote) text += " to " + to_text(*config_.remote);
    return text;
}

void DgramClient::watch() {
    in_watch_ = FdWatch(loop(), socket_.get(), FdWatch::kIn, [this](unsigned) { read_some(); });
}

void DgramClient::read_some() {
    for (unsigned i = 0; i < kAtOnce; ++i) {
        const ssize_t got = ::recv(socket_.get(), in_.data(), in_.size(), MSG_DONTWAIT | MSG_TRUNC);
        // An error that the network sent back for what was sent before concerns nobody.
        if (got < 0) return;
        if (got == 0) {
            // An end, of a socket that has one (seqpacket); else a datagram that says nothing.
            if (!has_end_) continue;
            in_watch_.end();
            return;
        }
        if (static_cast<size_t>(got) > in_.size()) continue;
        if (!deliver({in_.data(), static_cast<size_t>(got)})) {
            paused_ = true;
            in_watch_.end();
            return;
        }
    }
}

void DgramClient::resumed() {
    if (std::exchange(paused_, false)) watch();
}

void DgramClient::wait_for_room() {
    out_watch_ = FdWatch(loop(), socket_.get(), FdWatch::kOut, [this](unsigned) {
        out_watch_.end();
        if (flush_held()) tell_sendable();
    });
}

bool DgramClient::do_send_more(Packet packet) {
    if (packet.size() > kSlotBytes) return do_send(packet);
    if (held_ == kMostHeld && !flush_held()) return false;
    if (slots_.empty()) {
        slots_.resize(kMostHeld * kSlotBytes);
        sizes_.resize(kMostHeld);
    }
    std::memcpy(slots_.data() + held_ * kSlotBytes, packet.data(), packet.size());
    sizes_[held_++] = static_cast<uint16_t>(packet.size());
    return true;
}

// True: nothing is held any more.
bool DgramClient::flush_held() {
    while (sent_ < held_) {
        std::array<iovec, kMostHeld> parts;
        std::array<mmsghdr, kMostHeld> messages = {};
        for (size_t i = sent_; i < held_; ++i) {
            parts[i] = {slots_.data() + i * kSlotBytes, sizes_[i]};
            msghdr& head = messages[i].msg_hdr;
            head.msg_iov = &parts[i];
            head.msg_iovlen = 1;
            if (!remote_) continue;
            head.msg_name = const_cast<sockaddr*>(remote_->get());
            head.msg_namelen = remote_->length;
        }
        const int done = ::sendmmsg(socket_.get(), &messages[sent_], static_cast<unsigned>(held_ - sent_),
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done >= 0) {
            sent_ += static_cast<size_t>(done);
        } else if (errno == EAGAIN) {
            wait_for_room();
            return false;
        } else if (errno != EINTR) {
            ++sent_;  // lost, as in do_send()
        }
    }
    held_ = sent_ = 0;
    return true;
}

bool DgramClient::do_send(Packet packet) {
    if (!flush_held()) return false;
    const sockaddr* to = remote_ ? remote_->get() : nullptr;
    const socklen_t length = remote_ ? remote_->length : 0;
    ssize_t done = 0;
    do {
        done = ::sendto(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT, to, length);
    } while (done < 0 && errno == EINTR);
    if (done >= 0 || errno != EAGAIN) return true;
    wait_for_room();
    return false;
}

}  // namespace vmm::net
